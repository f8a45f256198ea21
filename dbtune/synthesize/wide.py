"""Values out of line: how wide they are; and vectors, of which only the width is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.family import Key
from dbtune.synthesize.order import hashed
from dbtune.synthesize.ragged import Bytes, Ints

_POINTER = 18
"""The bytes that pg_stats counts for a value out of line: those of the pointer to it."""
_NEARLY = 1.5
_CHUNK_SHARE = 0.96  # of a TOAST table's bytes: 1,996 of a value in each tuple, four tuples a page
_NOTABLE = 100
_MOST = 200_000_000
_VECTORS = {"vector": 4, "halfvec": 2}
_HEADER = 4


def with_wide_values(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the width of values out of line as the size of TOAST tables tells it.

    Columns whose values have no common one and no histogram (ANALYZE leaves out what is wider than
    1 KiB) and are about as wide as a pointer share their table's TOAST evenly.
    """
    return replace(snapshot, relations=tuple(map(_with_wide, snapshot.relations)))


def _with_wide(relation: Relation) -> Relation:
    wide = {c.name: s for c in relation.columns if (s := c.statistics_for()) and _is_wide(c, s)}
    values = sum(1.0 - s.null_frac for s in wide.values()) * relation.reltuples
    if values < 1:
        return relation
    width = min(round(relation.toast_bytes * _CHUNK_SHARE / values), _MOST)
    if width < _NOTABLE:
        return relation
    columns = tuple(
        replace(c, statistics=tuple(replace(s, avg_width=width) for s in c.statistics))
        if c.name in wide
        else c
        for c in relation.columns
    )
    return replace(relation, columns=columns)


def _is_wide(column: Column, statistics: ColumnStatistics) -> bool:
    known = statistics.most_common_values or statistics.histogram_bounds
    by_pointer = _POINTER <= statistics.avg_width <= _POINTER * _NEARLY
    return column.storage in ("e", "x", "m") and by_pointer and not known


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of pgvector, every element drawn evenly from -1 to 1."""

    size: int
    dimensions: int
    element: int
    key: int

    def locate(self, text: str, key: Key | None) -> int | None:
        del text, key
        return None

    def encode(self, ranks: Ints) -> Bytes:
        numbers = ranks[:, None] * self.dimensions + np.arange(self.dimensions)
        bits = hashed(numbers.reshape(-1), self.key) >> np.uint64(40)
        elements = (bits / 2.0**23 - 1.0).astype(f">f{self.element}")
        form = np.zeros((len(ranks), _HEADER + self.dimensions * self.element), np.uint8)
        form[:, :2] = np.frombuffer(self.dimensions.to_bytes(2, "big"), np.uint8)
        form[:, _HEADER:] = elements.view(np.uint8).reshape(len(ranks), -1)
        return form


def vectors(type_name: str, width: int, size: int, key: int) -> Vectors | None:
    """A domain for a type of pgvector; None for any other."""
    name, _, rest = type_name.rpartition(".")[2].partition("(")
    element = _VECTORS.get(name)
    if element is None:
        return None
    said = rest.removesuffix(")")
    dimensions = int(said) if said.isdigit() else max((width - 2 * _HEADER) // element, 1)
    return Vectors(size, dimensions, element, key)
