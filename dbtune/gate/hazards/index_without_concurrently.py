"""CREATE INDEX or REINDEX that keeps writers out while it reads a large relation."""

from __future__ import annotations

import re

from dbtune.finding import Severity
from dbtune.gate.hazards._ground import (
    Ground,
    Hazard,
    blocks_reads,
    blocks_writes,
    first_words,
    measure,
)
from dbtune.twin.rehearsal import Step

SEVERITY = Severity.ERROR
TITLE = "Index built without CONCURRENTLY"
RULE = "index-without-concurrently"
_PLACE = re.compile(
    r"(?i)\A\s*(create\s+(?:unique\s+)?index|reindex\s+(?:\([^)]*\)\s*)?(?:index|table|schema))\s+"
)


def seen(step: Step, ground: Ground) -> Hazard | None:
    words = first_words(step)
    if not (words[:2] in {("create", "index"), ("create", "unique")} or words[:1] == ("reindex",)):
        return None
    found = ground.largest(RULE, step, lambda t: t.scanned and blocks_writes(t.lock))
    if found is None or blocks_reads(found[0].lock):
        return None
    touched, relation = found
    message = (
        f"Building the index holds {touched.lock} on {relation.name} ({measure(relation)}) until "
        "it is built: no row can be inserted, updated or deleted meanwhile. Build it "
        "CONCURRENTLY, outside of a transaction."
    )
    cure = _PLACE.sub(lambda m: f"{m.group(1)} CONCURRENTLY ", step.statement.text, count=1)
    return ground.hazard(touched, relation, message, f"{cure};")
