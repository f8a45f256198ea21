"""A migration that writes very many rows in one statement."""

from __future__ import annotations

from dbtune.finding import Severity
from dbtune.gate.hazards._ground import Ground, Hazard, first_words
from dbtune.twin.rehearsal import Step
from dbtune.typeset.figures import count_text

SEVERITY = Severity.WARNING
TITLE = "Very many rows written in one statement"
RULE = "mass-write"


def seen(step: Step, ground: Ground) -> Hazard | None:
    if first_words(step)[:1] not in {("update",), ("delete",), ("with",)}:
        return None
    written = [
        relation
        for t in step.touched
        if t.lock == "RowExclusiveLock" and (relation := ground.relation(t.relation))
    ]
    largest = max(written, key=lambda r: (r.size_bytes, r.name), default=None)
    if largest is None:
        return None
    rows = ground.rows_written(step.statement.text)
    if rows < ground.thresholds(RULE, largest.name).mass_write_rows:
        return None
    message = (
        f"One statement writes about {count_text(rows)} rows of {largest.name}: their locks are "
        "held until it ends, each leaves a dead row behind, and replicas fall behind. Write in "
        "batches of some thousand rows, each in a transaction of its own."
    )
    return Hazard(largest.name, message, {"rows": round(rows)})
