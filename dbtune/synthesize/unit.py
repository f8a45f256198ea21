"""Which relations get rows, how many, and whose statistics describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.said import agreeing, said_of

_PAGE = 8192
_TUPLE_HEADER = 28
_VARIABLE_WIDTH = 32  # what the planner assumes of a type that it knows nothing of


@dataclass(frozen=True, slots=True)
class Unit:
    """A table to fill: one with rows of its own, or all partitions by hash together.

    `said` is what a partition's bound and checks say of columns.
    """

    relation: Relation
    rows: int
    inherited: bool
    said: Mapping[str, ColumnStatistics]

    @property
    def name(self) -> QualifiedName:
        return self.relation.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are written; the server computes the others."""
        return tuple(c for c in self.relation.columns if not c.generated)


@dataclass(frozen=True, slots=True)
class Scale:
    """How many rows for each of the target's: for all relations, and for some by name."""

    factor: float = 1.0
    by_relation: Mapping[str, float] | None = None

    def of(self, relation: Relation) -> float:
        named = self.by_relation or {}
        full = f"{relation.name.schema}.{relation.name.name}"
        return named.get(full, named.get(relation.name.name, self.factor))


def units_of(snapshot: Snapshot, scale: Scale) -> tuple[Unit, ...]:
    """Everything to fill, in the order of the snapshot."""
    by_hash = {r.name for r in snapshot.relations if r.kind == "p" and _is_hash(r)}
    inside = {r.name for r in snapshot.relations if _ancestors(r, snapshot) & by_hash}
    return tuple(
        _unit(r, snapshot, scale)
        for r in snapshot.relations
        if r.persistence != "t" and r.name not in inside and (r.kind in "rm" or r.name in by_hash)
    )


def leaves(name: QualifiedName, snapshot: Snapshot) -> Iterator[Relation]:
    """The partitions with rows below a partitioned table, or the table itself."""
    relation = snapshot.relation_by_name.get(name)
    if relation is None:
        return
    if relation.kind != "p":
        yield relation
    for partition in snapshot.partitions_by_parent.get(name, ()):
        yield from leaves(partition.name, snapshot)


def _unit(relation: Relation, snapshot: Snapshot, scale: Scale) -> Unit:
    factor = scale.of(relation)
    if relation.kind == "p":
        total = sum((row_count(leaf) for leaf in leaves(relation.name, snapshot)), 0.0)
        return Unit(relation, round(total * factor), True, {})
    rows = round(row_count(relation) * factor)
    return Unit(relation, rows, False, said_of(relation, snapshot))


def row_count(relation: Relation) -> float:
    """The rows a relation has by its statistics, or by its size where it was never analysed."""
    unknown = relation.reltuples < 0 or (relation.reltuples == 0 and relation.relpages == 0)
    if not unknown:
        return relation.reltuples
    if relation.activity and relation.activity.n_live_tup > 0:
        return float(relation.activity.n_live_tup)
    width = _TUPLE_HEADER + sum(
        c.type_length if c.type_length > 0 else _VARIABLE_WIDTH for c in relation.columns
    )
    return float(relation.size_bytes // _PAGE * max(_PAGE // width, 1))


def statistics_of(unit: Unit, column: Column, snapshot: Snapshot) -> ColumnStatistics | None:
    """A column's statistics: the unit's own, else what a bound or check says, else its parent's."""
    own = column.statistics_for(inherited=unit.inherited) or column.statistics_for()
    said = unit.said.get(column.name)
    if own is not None:
        return agreeing(own, said) if said and snapshot.redacted else own
    if unit.inherited and (found := within_leaves(unit, column, snapshot)):
        return found
    if said:
        return said
    for parent in unit.relation.parents:
        above = snapshot.relation_by_name.get(parent)
        same = above.column(column.name) if above else None
        if same and same.statistics_for(inherited=True):
            return same.statistics_for(inherited=True)
    return None


def within_leaves(unit: Unit, column: Column, snapshot: Snapshot) -> ColumnStatistics | None:
    """A column's statistics in the first of the unit's partitions that has any."""
    columns = (leaf.column(column.name) for leaf in leaves(unit.name, snapshot))
    return next((s for c in columns if c and (s := c.statistics_for())), None)


def _ancestors(relation: Relation, snapshot: Snapshot) -> set[QualifiedName]:
    found: set[QualifiedName] = set()
    for parent in relation.parents:
        above = snapshot.relation_by_name.get(parent)
        if above is not None:
            found |= {parent} | _ancestors(above, snapshot)
    return found


def _is_hash(relation: Relation) -> bool:
    return (relation.partition_key or "").upper().startswith("HASH")
