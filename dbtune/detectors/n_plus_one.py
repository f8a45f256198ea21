"""Statements that run once for each row that another statement returned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.finding import Confidence, Match, Subject
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.statement.model import Qual, RelationUse, Statement
from dbtune.workload import Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Params:
    """How many runs a row-returning call must cause, and how near calls must be to rows."""

    min_child_calls: int
    min_runs_per_parent: float
    min_ratio: float
    max_ratio: float
    likely_ratio: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`ratio` is the child's calls per row of the parent; `runs_per_unit_median` an average."""

    child_query: str
    parent_query: str
    constraint: str
    child_calls: int
    parent_calls: int
    parent_rows: int
    ratio: float
    runs_per_unit_median: float
    batched_query: str | None
    tier: str
    child_ms: float


@dataclass(frozen=True, slots=True)
class _Child:
    statement: WorkloadStatement
    use: RelationUse
    qual: Qual


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per child statement, with the parent whose rows come nearest to its calls."""
    for child in _children(workload, params):
        pairs = [
            (parent, constraint)
            for other, constraint in _related(workload, child)
            for parent in _parents(workload, other, child, params)
        ]
        if pairs:
            parent, constraint = min(
                pairs, key=lambda p: (abs(_ratio(child, p[0]) - 1), p[0].fingerprint)
            )
            yield _match(child, parent, constraint, params)


def _children(workload: Workload, params: Params) -> Iterator[_Child]:
    """SELECTs of one relation by one parameter, called often."""
    for statement, parsed in workload.parsed():
        if parsed.kind != "select" or len(parsed.relations) != 1:
            continue
        use = parsed.relations[0]
        keyed = [q for q in use.quals_of("equal") if q.operand == "parameter" and not q.expression]
        if len(keyed) == 1 and statement.calls >= params.min_child_calls:
            yield _Child(statement, use, keyed[0])


def _related(workload: Workload, child: _Child) -> Iterator[tuple[QualifiedName, str]]:
    """The relations whose rows give the child its parameter, by foreign key, either way."""
    for key in workload.snapshot.foreign_keys:
        if key.referenced is None or len(key.columns) != 1:
            continue
        if (key.referenced, key.referenced_columns) == (child.use.relation, (child.qual.column,)):
            yield key.relation, key.name
        if (key.relation, key.columns) == (child.use.relation, (child.qual.column,)):
            yield key.referenced, key.name


def _parents(
    workload: Workload, relation: QualifiedName, child: _Child, params: Params
) -> Iterator[WorkloadStatement]:
    for statement, _ in workload.uses_of(relation):
        parsed = statement.parsed
        if (
            isinstance(parsed, Statement)
            and parsed.kind == "select"
            and statement.fingerprint != child.statement.fingerprint
            and child.use.relation not in {use.relation for use in parsed.relations}
            and statement.calls
            and child.statement.calls / statement.calls >= params.min_runs_per_parent
            and params.min_ratio <= _ratio(child, statement) <= params.max_ratio
        ):
            yield statement


def _ratio(child: _Child, parent: WorkloadStatement) -> float:
    rows = parent.statistics.rows
    return child.statement.calls / rows if rows else 0.0


def _match(
    child: _Child, parent: WorkloadStatement, constraint: str, params: Params
) -> Match[Evidence]:
    ratio = _ratio(child, parent)
    near = params.likely_ratio <= min(ratio, 1 / ratio)
    confidence = Confidence.LIKELY if near else Confidence.CANDIDATE
    statement = child.statement
    return Match(
        subject=Subject(str(child.use.relation), child.use.relation, (child.qual.column,)),
        evidence=Evidence(
            child_query=statement.text,
            parent_query=parent.text,
            constraint=constraint,
            child_calls=statement.calls,
            parent_calls=parent.calls,
            parent_rows=parent.statistics.rows,
            ratio=round(ratio, 3),
            runs_per_unit_median=round(statement.calls / parent.calls, 1),
            batched_query=_batched(statement.text, child.qual.column),
            tier=confidence.word,
            child_ms=statement.statistics.total_exec_ms,
        ),
        confidence=confidence,
        statements=(statement.fingerprint, parent.fingerprint),
        share=statement.share,
        key=statement.fingerprint,
    )


def _batched(text: str, column: str) -> str | None:
    """The child's text for many values at once."""
    name = re.escape(quote_identifier(column))
    batched, count = re.subn(rf'({name}|"{name}")\s*=\s*(\$\d+)', r"\1 = ANY(\2)", text)
    return batched if count == 1 else None
