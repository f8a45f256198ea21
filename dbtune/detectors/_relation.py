"""Sizes and index families of relations, partitioned ones included."""

from __future__ import annotations

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.catalog import ColumnStatistics, Relation, TableActivity
from dbtune.snapshot.model import Snapshot


def rows_of(snapshot: Snapshot, relation: Relation) -> int:
    """Estimated rows; 0 where nothing is known."""
    return sum(map(_leaf_rows, snapshot.leaves(relation)))


def _leaf_rows(relation: Relation) -> int:
    if relation.reltuples >= 0:
        return int(relation.reltuples)
    return relation.activity.n_live_tup if relation.activity else 0


def size_of(snapshot: Snapshot, relation: Relation) -> int:
    """Bytes of the main forks."""
    return sum(leaf.size_bytes for leaf in snapshot.leaves(relation))


def activities(snapshot: Snapshot, relation: Relation) -> tuple[TableActivity, ...]:
    """The activity of each leaf that has one."""
    return tuple(leaf.activity for leaf in snapshot.leaves(relation) if leaf.activity)


def column_statistics(relation: Relation, column: str) -> ColumnStatistics | None:
    """The column's statistics, of the whole tree where the relation is partitioned."""
    found = relation.column(column)
    return found.statistics_for(inherited=relation.kind == "p") if found else None


def distinct_values(relation: Relation, column: str, rows: int) -> float | None:
    """The column's number of distinct values, None without statistics."""
    statistics = column_statistics(relation, column)
    if statistics is None or statistics.n_distinct == 0:
        return None
    if statistics.n_distinct < 0:
        return max(1.0, -statistics.n_distinct * rows)
    return statistics.n_distinct


def name_of(relation: QualifiedName, columns: tuple[str, ...]) -> str:
    """`relation(columns)` for people, quoted as SQL wants it."""
    return f"{relation}({', '.join(map(quote_identifier, columns))})"


def root_of(snapshot: Snapshot, name: QualifiedName) -> QualifiedName:
    """The partitioned table that a partition belongs to at the top, or the relation itself."""
    relation = snapshot.relation_by_name.get(name)
    while relation is not None and relation.is_partition and relation.parents:
        name = relation.parents[0]
        relation = snapshot.relation_by_name.get(name)
    return name
