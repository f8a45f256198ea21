"""What an index costs the writes of the workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.workload import Workload, WorkloadStatement

_MS_PER_ENTRY = {"btree": 0.004, "gin": 0.04, "gist": 0.012, "brin": 0.0004, "hash": 0.004}
"""One new entry, WAL included: an estimate, not measured."""

_HOT_WHERE_UNKNOWN = 0.5
_DELETED = 0.5
"""Vacuum removes a dead entry for about half of what it cost to make."""


@dataclass(frozen=True, slots=True)
class Write:
    """Rows of one relation written by one statement; `columns` are those an UPDATE sets."""

    kind: str
    rows: float
    columns: frozenset[str] = frozenset()


Writes = Mapping[QualifiedName, tuple[Write, ...]]


def writes_of(workload: Workload) -> Writes:
    """The rows that the workload's statements write, by relation."""
    writes: dict[QualifiedName, list[Write]] = {}
    for statement, parsed in workload.parsed():
        for use in parsed.relations:
            if use.role == "target" and parsed.kind != "select":
                write = Write(parsed.kind, _rows(statement, parsed), frozenset(use.written))
                writes.setdefault(use.relation, []).append(write)
    return {relation: tuple(of_it) for relation, of_it in writes.items()}


def _rows(statement: WorkloadStatement, parsed: Statement) -> float:
    counted = float(statement.statistics.rows)
    return counted or float(statement.calls * (parsed.rows_per_call or 1))


def maintenance_ms(spec: IndexSpec, writes: Iterable[Write], snapshot: Snapshot) -> float:
    """Milliseconds that keeping the index costs over the workload's period.

    Each inserted row makes an entry; so does each updated row, unless the update stays on its page
    and touches no indexed column (HOT). An index on a column that is updated takes that way out
    from all the other indexes of the relation too.
    """
    relation = snapshot.relation_by_name[spec.relation]
    existing = snapshot.indexes_by_relation.get(spec.relation, ())
    indexed = {c for i in existing for c in (*(k.column for k in i.keys), *i.included)}
    hot = _hot_fraction(relation)
    own = _columns(spec, relation)
    entries = 0.0
    for write in writes:
        if write.kind == "insert":
            entries += write.rows
        elif write.kind == "delete":
            entries += write.rows * _DELETED
        elif write.columns & own:
            was_hot = 0.0 if write.columns & indexed else hot
            entries += write.rows * (1.0 + was_hot * len(existing))
        else:
            entries += write.rows * (1.0 if write.columns & indexed else 1.0 - hot)
    return entries * _MS_PER_ENTRY.get(spec.access_method, _MS_PER_ENTRY["btree"])


def _hot_fraction(relation: Relation) -> float:
    activity = relation.activity
    if activity is None or not activity.n_tup_upd:
        return _HOT_WHERE_UNKNOWN
    return activity.n_tup_hot_upd / activity.n_tup_upd


def _columns(spec: IndexSpec, relation: Relation) -> frozenset[str]:
    """Columns whose change changes the index: keys, included, and those in its expressions."""
    expressions = " ".join(k.expression or "" for k in spec.keys) + (spec.predicate or "")
    named = {c.name for c in relation.columns if expressions and c.name in expressions}
    return frozenset(spec.columns) | named
