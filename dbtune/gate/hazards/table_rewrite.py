"""A statement that writes a large relation anew while nobody can use it."""

from __future__ import annotations

from dbtune.finding import Severity
from dbtune.gate.hazards._ground import Ground, Hazard, blocked, blocks_writes, first_words, measure
from dbtune.twin.rehearsal import Step

SEVERITY = Severity.ERROR
TITLE = "Large relation rewritten under a lock"
RULE = "table-rewrite"


def seen(step: Step, ground: Ground) -> Hazard | None:
    words = first_words(step)
    if words[:1] == ("truncate",):  # its new file is empty
        return None
    found = ground.largest(RULE, step, lambda t: t.rewritten and blocks_writes(t.lock))
    if found is None:
        return None
    touched, relation = found
    message = (
        f"PostgreSQL writes {relation.name} ({measure(relation)}) and its indexes anew and holds "
        f"{touched.lock} until it is done: {blocked(touched.lock)} wait. {_advice(step)}"
    )
    return ground.hazard(touched, relation, message)


def _advice(step: Step) -> str:
    text = f" {' '.join(step.statement.text.lower().split())} "
    if " vacuum " in text or text.startswith(" cluster "):
        return "Plain VACUUM lets work go on; pg_repack compacts with a short lock."
    if " add " in text:
        return (
            "Add the column without the volatile default, set the default for new rows, and fill "
            "the old rows in batches."
        )
    return (
        "Add a second column of the new type, keep it filled by a trigger, fill the old rows in "
        "batches, then swap the names."
    )
