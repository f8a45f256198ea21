"""Conditions that wrap an indexed column in an expression, which the index does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbtune.advice import Change, CreateIndex, RewriteStatement, creation_of
from dbtune.detectors._relation import distinct_values, rows_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.plan import Plan
from dbtune.rewrite import Rewrite, is_immutable, rewrite
from dbtune.snapshot.catalog import Column, Index, IndexKey, Relation
from dbtune.statement.model import Qual, RelationUse
from dbtune.workload import Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Params:
    """From which size it matters, and what part of the rows an equality may find."""

    min_rows: int
    max_fraction: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`index` would serve the bare column. `condition` may be sent instead, `provided` it holds.

    `expression_index` is an index on the expression, None where it may not be indexed (or nobody
    can tell without a server).
    """

    expression: str
    function: str
    column: str
    index: str
    rows: int
    condition: str | None
    provided: str
    expression_index: str | None
    statement: str
    statement_calls: int


@dataclass(frozen=True, slots=True)
class _Wrapped:
    statement: WorkloadStatement
    relation: Relation
    column: Column
    quals: tuple[Qual, ...]
    index: Index

    @property
    def expression(self) -> str:
        return self.quals[0].expression or ""


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per wrapped column and expression."""
    found: dict[tuple[QualifiedName, str], list[_Wrapped]] = {}
    for statement, parsed in workload.parsed():
        for use in parsed.relations:
            for wrapped in _wrapped(workload, statement, use, params):
                found.setdefault((use.relation, wrapped.expression), []).append(wrapped)
    for group in found.values():
        yield _match(workload, group)


def _wrapped(
    workload: Workload, statement: WorkloadStatement, use: RelationUse, params: Params
) -> Iterator[_Wrapped]:
    snapshot = workload.snapshot
    relation = snapshot.relation_by_name.get(use.relation)
    if relation is None or rows_of(snapshot, relation) < params.min_rows:
        return
    if isinstance(statement.plan, Plan) and not _scanned_whole(statement.plan, relation.name):
        return
    indexes = snapshot.indexes_by_relation.get(relation.name, ())
    bare = {q.column for q in use.quals_of("equal", "in") if q.expression is None}
    by_expression: dict[tuple[str, str], list[Qual]] = {}
    for qual in use.quals_of("equal", "in", "range"):
        if qual.expression:
            by_expression.setdefault((qual.column, qual.expression), []).append(qual)
    for (name, _), quals in by_expression.items():
        column = relation.column(name)
        index = next((i for i in indexes if _would_serve(i, name, bare)), None)
        rows = rows_of(snapshot, relation)
        if column and index and all(_is_selective(relation, q, rows, params) for q in quals):
            yield _Wrapped(statement, relation, column, tuple(quals), index)


def _scanned_whole(plan: Plan, relation: QualifiedName) -> bool:
    return any(node.node_type == "Seq Scan" for node in plan.scans(relation))


def _would_serve(index: Index, column: str, bare: set[str]) -> bool:
    """True if the index finds rows by the column, behind columns that are compared as they are."""
    if not index.is_valid or index.access_method != "btree" or index.predicate:
        return False
    for key in index.keys:
        if key.column == column:
            return True
        if key.column not in bare:
            return False
    return False


def _is_selective(relation: Relation, qual: Qual, rows: int, params: Params) -> bool:
    """An equality must leave few rows, as far as the column's values tell; a range may."""
    values = distinct_values(relation, qual.column, rows)
    return qual.kind == "range" or values is None or 1 / values <= params.max_fraction


def _match(workload: Workload, group: list[_Wrapped]) -> Match[Evidence]:
    first = max(group, key=lambda w: (w.statement.share, w.statement.fingerprint))
    statements = {w.statement.fingerprint: w.statement for w in group}
    expression = first.expression
    other = rewrite(first.quals, first.column)
    built = _expression_index(workload, first, expression)
    planned = all(isinstance(s.plan, Plan) for s in statements.values())
    return Match(
        subject=Subject(
            f"{first.relation.name}({expression})",
            first.relation.name,
            (first.column.name,),
        ),
        evidence=Evidence(
            expression=expression,
            function=first.quals[0].function or "",
            column=first.column.name,
            index=str(first.index.name),
            rows=rows_of(workload.snapshot, first.relation),
            condition=other.condition if other else None,
            provided=other.provided if other else "",
            expression_index=str(built.spec) if built else None,
            statement=first.statement.text,
            statement_calls=sum(s.calls for s in statements.values()),
        ),
        confidence=Confidence.PROVEN if planned else Confidence.CANDIDATE,
        statements=tuple(sorted(statements, key=lambda f: (-statements[f].share, f))),
        share=sum(s.share for s in statements.values()),
        key=expression,
        cures=_cures(first.quals, other, built),
    )


def _cures(
    quals: Sequence[Qual], other: Rewrite | None, built: CreateIndex | None
) -> tuple[Change, ...]:
    """The index that the migration can build; else the condition for the application to send."""
    if built:
        return (built,)
    if other is None:
        return ()
    before = " AND ".join(
        f"{qual.expression} {qual.operator} {qual.value or f'${number}'}"
        for number, qual in enumerate(quals, start=1)
    )
    told = f"provided that {other.provided}" if other.provided else "the same rows"
    return (RewriteStatement(before, other.condition, told),)


def _expression_index(workload: Workload, wrapped: _Wrapped, expression: str) -> CreateIndex | None:
    """The advisor's index on the expression, or without an advisor one that can surely be built."""
    for recommendation in workload.advice.recommendations:
        change = recommendation.change
        if (
            isinstance(change, CreateIndex)
            and change.spec.relation == wrapped.relation.name
            and any(key.expression == expression for key in change.spec.keys)
        ):
            return change
    if workload.advice.engine or not is_immutable(wrapped.quals[0], wrapped.column):
        return None
    spec = IndexSpec(wrapped.relation.name, (IndexKey(None, expression),))
    return creation_of(spec, workload.snapshot)
