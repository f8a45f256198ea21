"""Which relations get rows, how many, and whose statistics describe them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot

_PAGE = 8192
_TUPLE_HEADER = 28
_VARIABLE_WIDTH = 32  # what the planner assumes of a type that it knows nothing of
_LITERAL = re.compile(r"'((?:[^']|'')*)'|([-\d.]+)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A table to fill: one with rows of its own, or all partitions by hash together.

    `bounds` are what a partition's bound says of columns: where no statistics say more.
    """

    relation: Relation
    rows: int
    inherited: bool
    bounds: Mapping[str, ColumnStatistics]

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
    bounds = _bounds(relation, snapshot)
    return Unit(relation, rows, False, bounds)


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
    """A column's statistics: the unit's own, else its bound's, else its parent's."""
    own = column.statistics_for(inherited=unit.inherited) or column.statistics_for()
    if own is not None:
        return own
    if unit.inherited and (found := within_leaves(unit, column, snapshot)):
        return found
    if column.name in unit.bounds:
        return unit.bounds[column.name]
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


def _bounds(relation: Relation, snapshot: Snapshot) -> dict[str, ColumnStatistics]:
    """What the bounds of a partition and of those around it say, by column.

    A list says all values; a range says only where they begin, since its end lies outside it.
    """
    bounds: dict[str, ColumnStatistics] = {}
    for parent in relation.parents:
        above = snapshot.relation_by_name.get(parent)
        if above is None or not relation.partition_bound:
            continue
        bounds |= _bounds(above, snapshot)
        columns = _key_columns(above)
        if len(columns) == 1:
            text = relation.partition_bound
            found = tuple(
                a.replace("''", "'") if a or not b else b for a, b in _LITERAL.findall(text)
            )
            if not found:
                continue
            if " FROM " in text:
                said = ColumnStatistics(False, 0.0, 8, -1.0, histogram_bounds=found[:1])
            else:
                even = (1.0 / len(found),) * len(found)
                said = ColumnStatistics(False, 0.0, 8, len(found), found, even)
            bounds[columns[0]] = said
    return bounds


def _key_columns(relation: Relation) -> list[str]:
    inside = (relation.partition_key or "").partition("(")[2].rpartition(")")[0]
    names = [part.strip().split(" ")[0].strip('"') for part in inside.split(",")]
    return [name for name in names if relation.column(name)]
