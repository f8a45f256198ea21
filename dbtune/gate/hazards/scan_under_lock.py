"""A constraint checked against every row of a large relation while others must wait."""

from __future__ import annotations

import re

from dbtune.finding import Severity
from dbtune.gate.hazards._ground import Ground, Hazard, blocked, blocks_writes, first_words, measure
from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Relation
from dbtune.twin.rehearsal import Step

SEVERITY = Severity.ERROR
TITLE = "Large relation read whole under a lock"
RULE = "scan-under-lock"
_NOT_NULL = re.compile(
    r'(?i)alter\s+(?:column\s+)?(?P<column>"(?:[^"]|"")+"|\w+)\s+set\s+not\s+null'
)
_NAMED = re.compile(r'(?i)add\s+constraint\s+(?P<name>"(?:[^"]|"")+"|\w+)\s+(?:foreign|check)')


def seen(step: Step, ground: Ground) -> Hazard | None:
    words = first_words(step)
    if words[:1] == ("truncate",) or "index" in words[:3] or words[:1] == ("reindex",):
        return None
    found = ground.largest(
        RULE, step, lambda t: t.scanned and not t.rewritten and blocks_writes(t.lock)
    )
    if found is None or any(t.rewritten for t in step.touched):
        return None
    touched, relation = found
    advice, cure = _advice(step.statement.text, relation)
    message = (
        f"PostgreSQL reads every row of {relation.name} ({measure(relation)}) under "
        f"{touched.lock}: {blocked(touched.lock)} wait until it is done. {advice}"
    )
    return ground.hazard(touched, relation, message, cure)


def _advice(text: str, relation: Relation) -> tuple[str, str]:
    """What to do instead, and the SQL for it where it can be told."""
    table = relation.name.sql
    lower = text.lower()
    if found := _NOT_NULL.search(text):
        name = quote_identifier(f"{relation.name.name}_{found['column'].strip(chr(34))}_not_null")
        cure = (
            f"ALTER TABLE {table} ADD CONSTRAINT {name} "
            f"CHECK ({found['column']} IS NOT NULL) NOT VALID;\n"
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};\n"
            f"ALTER TABLE {table} ALTER COLUMN {found['column']} SET NOT NULL;\n"
            f"ALTER TABLE {table} DROP CONSTRAINT {name};"
        )
        return "Let a CHECK that was validated without that lock prove it first.", cure
    if found := _NAMED.search(text):
        cure = (
            f"{text.rstrip().rstrip(';')} NOT VALID;\n"
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {found['name']};"
        )
        return "Add it NOT VALID, then VALIDATE it, which lets others work.", cure
    if "foreign key" in lower or "references" in lower or "check" in lower:
        return "Add it NOT VALID, then VALIDATE it, which lets others work.", ""
    if "unique" in lower or "primary key" in lower:
        words = "Build a unique index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX."
        return words, ""
    return "Do it in steps of which each holds its lock only briefly.", ""
