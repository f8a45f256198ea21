"""CONCURRENTLY in a transaction, which PostgreSQL refuses when the migration runs."""

from __future__ import annotations

from dbtune.finding import Severity
from dbtune.gate.hazards._ground import Ground, Hazard
from dbtune.statement.tokens import tokens
from dbtune.twin.rehearsal import Step

SEVERITY = Severity.ERROR
TITLE = "CONCURRENTLY inside a transaction"
_COMMANDS = frozenset({"create", "drop", "reindex", "alter"})


def seen(step: Step, ground: Ground) -> Hazard | None:
    if not step.statement.in_transaction or not _is_concurrent(step.statement.text):
        return None
    relations = {i.name: i.relation for i in ground.workload.snapshot.indexes}
    relation = next((relations[name] for name in step.dropped if name in relations), None)
    message = (
        "The migration would fail: PostgreSQL refuses CONCURRENTLY inside a transaction, and this "
        "statement is in one. Put it into a migration of its own, and tell the tool to open no "
        "transaction there."
    )
    return Hazard(relation, message)


def _is_concurrent(text: str) -> bool:
    words = [t for _, t in zip(range(8), tokens(text), strict=False)]
    return (
        bool(words)
        and words[0].is_word(*_COMMANDS)
        and any(t.is_word("concurrently") for t in words)
        and not (words[0].is_word("alter") and not words[1].is_word("table"))
    )
