"""Steps that build an index while reads and writes go on."""

from __future__ import annotations

import re

from dbtune.identifier import QualifiedName, quote_identifier, quote_literal
from dbtune.migration.model import Step
from dbtune.migration.naming import leftover_name


def build_steps(name: QualifiedName, definition: str, comment: tuple[str, ...]) -> list[Step]:
    """Build one index concurrently; run again after an interruption, they finish the work.

    CREATE INDEX CONCURRENTLY that fails leaves an INVALID index under its name, which
    IF NOT EXISTS would then take for the real one: such a leftover is renamed and dropped first.

    Args:
        name: of the index.
        definition: a CREATE INDEX statement of any form.
        comment: lines that explain the index.
    """
    leftover = leftover_name(name)
    aside = (
        "DO $dbtune$ BEGIN\n"
        f"  IF EXISTS (SELECT FROM pg_catalog.pg_index WHERE NOT indisvalid AND indexrelid ="
        f" pg_catalog.to_regclass({quote_literal(name.sql)})) THEN\n"
        f"    ALTER INDEX {name.sql} RENAME TO {quote_identifier(leftover.name)};\n"
        "  END IF;\n"
        "END $dbtune$"
    )
    return [
        Step(aside, comment),
        Step(f"DROP INDEX CONCURRENTLY IF EXISTS {leftover.sql}"),
        Step(_definition(definition, name, "CONCURRENTLY IF NOT EXISTS"), creates=name.sql),
    ]


def on_only(name: QualifiedName, definition: str) -> str:
    """The CREATE INDEX of a partitioned relation's index without those of its partitions."""
    return _definition(definition, name, "IF NOT EXISTS", only="ONLY ")


def _definition(definition: str, name: QualifiedName, words: str, only: str = "") -> str:
    """CREATE INDEX with other words between INDEX and the name, and perhaps ONLY after ON."""
    start = re.match(r"CREATE (UNIQUE )?INDEX ", definition)
    head = f" {quote_identifier(name.name)} ON "
    at = definition.find(head)
    if not start or at < 0:
        raise ValueError(f"not the CREATE INDEX of {name.sql}: {definition[:200]}")
    rest = definition[at + len(head) :].removeprefix("ONLY ")
    return f"{start.group()}{words}{head}{only}{rest}"


def verify_valid(name: QualifiedName) -> Step:
    """Fail if the index is not valid: not every partition has its part."""
    text = (
        f"index {name.sql} is not valid: some partition has no index attached to it; run this again"
    )
    return Step(
        "DO $dbtune$ BEGIN\n"
        f"  IF NOT (SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid ="
        f" {quote_literal(name.sql)}::pg_catalog.regclass) THEN\n"
        f"    RAISE EXCEPTION '%', {quote_literal(text)};\n"
        "  END IF;\n"
        "END $dbtune$"
    )
