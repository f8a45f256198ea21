"""Each kind of change as steps up and steps down."""

from __future__ import annotations

from dbtune.advice import (
    Change,
    CreateIndex,
    DropIndex,
    RebuildIndex,
    Recommendation,
    RewriteStatement,
)
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.index import IndexSpec, spec_of
from dbtune.migration.comment import comment_text, size_text
from dbtune.migration.create import build_steps
from dbtune.migration.model import BRIEF_LOCK_TIMEOUT, Step
from dbtune.migration.naming import Names
from dbtune.migration.partitioned import create_steps, restore_steps
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot

Both = tuple[list[Step], list[Step]]
"""Steps up and steps down of one change."""

_NAMED_STATEMENTS = 3

_TRUSTED = ("The next index needs it. The database's owner may create it; it stays afterwards.",)


def steps_of(recommendation: Recommendation, snapshot: Snapshot, names: Names) -> Both:
    """What one recommendation does, and what undoes it; nothing where no SQL can do it."""
    change: Change = recommendation.change
    comment = _explanation(recommendation)
    if isinstance(change, CreateIndex):
        return _create(change, snapshot, names, comment)
    if isinstance(change, DropIndex):
        return _drop(change, snapshot, comment)
    if isinstance(change, RebuildIndex):
        words = f"REINDEX INDEX CONCURRENTLY {change.name.sql}"
        return [Step(words, (f"Rebuild {comment_text(str(change.name))}.", *comment))], []
    assert isinstance(change, RewriteStatement)
    return [], []


def _create(
    change: CreateIndex, snapshot: Snapshot, names: Names, comment: tuple[str, ...]
) -> Both:
    spec = change.spec
    existing = snapshot.indexes_by_relation.get(spec.relation, ())
    if any(index.is_valid and spec_of(index) == spec for index in existing):
        return [], []
    name = names.take(spec)
    comment = (f"Index {comment_text(str(spec), 400)}.", *comment)
    first = [
        Step(f"CREATE EXTENSION IF NOT EXISTS {quote_identifier(extension)}", _TRUSTED)
        for extension in change.extensions
    ]
    relation = snapshot.relation_by_name.get(spec.relation)
    if relation is not None and relation.kind == "p":
        up = create_steps(spec, name, snapshot, names, comment)
        return [*first, *up, *_analyze(spec)], [_drop_whole(name, ())]
    up = build_steps(name, spec.ddl(name.name), comment)
    return [*first, *up, *_analyze(spec)], [_drop_alone(name, ())]


def _analyze(spec: IndexSpec) -> list[Step]:
    """An expression has no statistics until its table is analysed; plans go astray till then."""
    if not any(key.expression for key in spec.keys):
        return []
    return [Step(f"ANALYZE {spec.relation.sql}", ("Statistics of the index's expression.",))]


def _drop(change: DropIndex, snapshot: Snapshot, comment: tuple[str, ...]) -> Both:
    index = next((i for i in snapshot.indexes if i.name == change.name), None)
    if index is not None and (reason := _cannot_drop(index)):
        raise ValueError(f"{change.name.sql} cannot be dropped: {reason}")
    comment = (f"Drop {comment_text(str(change.name))}.", *comment)
    back = (f"Bring back {comment_text(str(change.name))}.",)
    if index is not None and not index.is_valid:  # nobody wants a broken index back
        return [_drop_alone(change.name, comment)], []
    relation = snapshot.relation_by_name.get(change.relation)
    if relation is not None and relation.kind == "p":
        return [_drop_whole(change.name, comment)], restore_steps(change.name, snapshot, back)
    down = build_steps(change.name, change.definition, back)
    return [_drop_alone(change.name, comment)], down


def _cannot_drop(index: Index) -> str:
    if index.constraint:
        return f"it backs the constraint {index.constraint}"
    if index.is_replica_identity:
        return "it is the replica identity"
    return f"it is a part of {index.parent}" if index.parent else ""


def _drop_alone(name: QualifiedName, comment: tuple[str, ...]) -> Step:
    return Step(f"DROP INDEX CONCURRENTLY IF EXISTS {name.sql}", comment, drops=name.sql)


def _drop_whole(name: QualifiedName, comment: tuple[str, ...]) -> Step:
    """A partitioned index goes with all its parts at once; that cannot be done concurrently."""
    return Step(f"DROP INDEX IF EXISTS {name.sql}", comment, BRIEF_LOCK_TIMEOUT, drops=name.sql)


def _explanation(recommendation: Recommendation) -> tuple[str, ...]:
    """Why, for whom, at what cost: the lines above a change."""
    lines = [comment_text(recommendation.reason, 300)] if recommendation.reason else []
    costs = []
    if recommendation.size_bytes is not None:
        costs.append(f"about {size_text(recommendation.size_bytes)} on disk")
    if recommendation.write_ms:
        costs.append(f"{recommendation.write_ms:,.0f} ms more for writes")
    if recommendation.saved_ms:
        costs.append(f"{recommendation.saved_ms:,.0f} ms saved")
    if costs:
        lines.append(f"Estimated over the period of the statistics: {', '.join(costs)}.")
    if not recommendation.is_verified:
        lines.append("Unverified: no planner has priced this.")
    lines += [f"Note: {comment_text(note, 300)}" for note in recommendation.notes]
    lines += _served(recommendation)
    return tuple(lines)


def _served(recommendation: Recommendation) -> list[str]:
    prices = sorted(recommendation.prices, key=lambda p: (-p.total_exec_ms, p.statement))
    lines = [
        f"Serves {comment_text(price.statement)}: planner cost"
        f" {price.cost_before:,.2f} -> {price.cost_after:,.2f}"
        for price in prices[:_NAMED_STATEMENTS]
    ]
    if len(prices) > _NAMED_STATEMENTS:
        lines.append(f"and {len(prices) - _NAMED_STATEMENTS} more statements")
    return lines
