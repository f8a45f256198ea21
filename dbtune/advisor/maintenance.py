"""What an index costs the writes of the workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dbtune.advisor.upkeep import entry_ms, held_fraction
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, spec_of
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.workload import Workload, WorkloadStatement

_HOT_WHERE_UNKNOWN = 0.5
_DELETED = 0.1
"""VACUUM removes a dead entry for about a tenth of what it cost to make (see upkeep)."""


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


def maintenance_ms(
    spec: IndexSpec, writes: Iterable[Write], snapshot: Snapshot, size_bytes: int | None = None
) -> float:
    """Milliseconds that keeping the index costs over the workload's period.

    Each inserted row makes an entry; so does each updated row, unless the update stays on its page
    and touches no indexed column (HOT). An index on a column that is updated takes that way out
    from all the other indexes of the relation too: their entries then count as this one's cost.
    BRIN does not stand in the way of HOT (16+). A partial index is kept for the rows that it
    holds, which `size_bytes` tells.
    """

    def bars_hot(index: IndexSpec) -> bool:
        return index.access_method != "brin" or snapshot.server.major < 16

    relation = snapshot.relation_by_name[spec.relation]
    existing = [spec_of(i) for i in snapshot.indexes_by_relation.get(spec.relation, ())]
    indexed = frozenset[str]().union(*(_columns(e, relation) for e in existing if bars_hot(e)))
    hot = _hot_fraction(relation)
    own = _columns(spec, relation) if bars_hot(spec) else frozenset[str]()
    own_ms = entry_ms(spec, relation) * held_fraction(spec, relation, size_bytes)
    others_ms = sum(entry_ms(e, relation) for e in existing)
    total_ms = 0.0
    for write in writes:
        if write.kind == "insert":
            total_ms += write.rows * own_ms
        elif write.kind == "delete":
            total_ms += write.rows * own_ms * _DELETED
        elif write.columns & indexed:
            total_ms += write.rows * own_ms
        elif write.columns & own:
            total_ms += write.rows * (own_ms + hot * others_ms)
        else:
            total_ms += write.rows * (1.0 - hot) * own_ms
    return total_ms


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
