"""Foreign keys whose referring columns no index serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.advice import DropIndex, creation_of
from dbtune.detectors._cover import is_served
from dbtune.detectors._overlap import replaced_by
from dbtune.detectors._relation import activities, name_of, rows_of, size_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec, column_key
from dbtune.snapshot.catalog import Constraint, Relation
from dbtune.statement.model import Statement
from dbtune.workload import Workload, WorkloadStatement

_ACTIONS = {
    "a": "NO ACTION",
    "r": "RESTRICT",
    "c": "CASCADE",
    "n": "SET NULL",
    "d": "SET DEFAULT",
}


@dataclass(frozen=True, slots=True)
class Params:
    """When an index that holds only some of the key's columns, or more, is good enough."""

    max_rows_per_value: float
    max_skipped_values: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The key, and what makes it matter. `rows` and `size_bytes` are of the referring relation.

    `referenced_deletes` counts deleted rows of the referenced relation since its counters began.
    """

    constraint: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    referenced: str
    referenced_columns: tuple[str, ...]
    on_delete: str
    rows: int
    size_bytes: int
    referenced_rows: int
    referenced_deletes: int


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per foreign key that is not a partition's copy of its parent's."""
    snapshot = workload.snapshot
    for key in snapshot.foreign_keys:
        relation = snapshot.relation_by_name.get(key.relation)
        referenced = snapshot.relation_by_name.get(key.referenced) if key.referenced else None
        if key.inherited or relation is None or referenced is None:
            continue
        if not is_served(
            snapshot,
            key,
            max_rows_per_value=params.max_rows_per_value,
            max_skipped_values=params.max_skipped_values,
        ):
            yield _match(workload, key, relation, referenced)


def _match(
    workload: Workload, key: Constraint, relation: Relation, referenced: Relation
) -> Match[Evidence]:
    snapshot = workload.snapshot
    deletes = _deleted_by(workload, key)
    spec = IndexSpec(relation.name, tuple(column_key(column) for column in key.columns))
    replaced = tuple(replaced_by(snapshot, spec))
    return Match(
        subject=Subject(name_of(relation.name, key.columns), relation.name, key.columns),
        evidence=Evidence(
            constraint=quote_identifier(key.name),
            keys=tuple(map(quote_identifier, key.columns)),
            columns=key.columns,
            referenced=str(referenced.name),
            referenced_columns=key.referenced_columns,
            on_delete=_ACTIONS.get(key.on_delete, key.on_delete),
            rows=rows_of(snapshot, relation),
            size_bytes=size_of(snapshot, relation),
            referenced_rows=rows_of(snapshot, referenced),
            referenced_deletes=sum(a.n_tup_del for a in activities(snapshot, referenced)),
        ),
        confidence=Confidence.PROVEN,
        statements=tuple(s.fingerprint for s in deletes),
        share=sum(s.share for s in deletes),
        cures=(
            creation_of(spec, snapshot, tuple(index.name for index in replaced)),
            *(DropIndex(i.name, i.relation, i.definition) for i in replaced),
        ),
    )


def _deleted_by(workload: Workload, key: Constraint) -> list[WorkloadStatement]:
    """Statements that delete what the key refers to. Joins and lookups are the advisor's matter."""
    if key.referenced is None:
        return []
    found = {
        statement.fingerprint: statement
        for statement, use in workload.uses_of(key.referenced)
        if use.role == "target"
        and isinstance(statement.parsed, Statement)
        and statement.parsed.kind == "delete"
    }
    return sorted(found.values(), key=lambda s: (-s.share, s.fingerprint))
