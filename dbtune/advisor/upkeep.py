"""What one entry of an index costs a write, in milliseconds.

Figures measured by `BENCH=upkeep make bench-advisor` (PostgreSQL 18, embedded server, x86-64, 2
processors shared with other work): 20,000 rows inserted into a table of 400,000 with one index,
less the same without it, the least of four runs, WAL written but not waited for. An entry of a
B-tree took 3 µs where rows come in the order of its first key or that key has few values (the leaf
is at hand), else 9 µs; 0.1 µs more for each byte of key beyond 8 (the comparing of texts), 0.01 µs
for an included one, 6 µs for computing an expression. BRIN took 1 µs, hash 7 µs, GiST on ranges
70 µs, GIN 12 µs an element, without the relief of its pending list, which is only a delay. An
UPDATE that could no longer be heap-only cost the sum of the entries that all indexes then need.
Removing an entry at VACUUM took a tenth of making it. On disks that wait for reads, a leaf that is
not cached costs more.
"""

from __future__ import annotations

from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, ColumnStatistics, IndexKey, Relation

_NEAR_MS = 0.003
_FAR_MS = 0.009
_EXPRESSION_MS = 0.006
_KEY_BYTE_MS = 0.0001
_INCLUDED_BYTE_MS = 0.00001
_GIN_ELEMENT_MS = 0.012
_OTHER_MS = {"brin": 0.001, "hash": 0.007, "gist": 0.07, "spgist": 0.07}

_PLAIN_BYTES = 8
_FEW_VALUES = 1000
_IN_ORDER = 0.9
_WIDTH_WHERE_UNKNOWN = 32
_ELEMENTS_WHERE_UNKNOWN = 8.0
_BYTES_AN_ELEMENT = 16
_ENTRY_BYTES = 16
"""Line pointer, tuple header and alignment of an entry."""


def entry_ms(spec: IndexSpec, relation: Relation) -> float:
    """Milliseconds to make an entry for one row, WAL included."""
    if spec.access_method == "gin":
        return sum(_GIN_ELEMENT_MS * _elements(key, relation) for key in spec.keys)
    if spec.access_method != "btree":
        return _OTHER_MS.get(spec.access_method, _FAR_MS)
    key_bytes = sum(_width(key.column, relation) for key in spec.keys)
    included_bytes = sum(_width(name, relation) for name in spec.included)
    return (
        (_NEAR_MS if _is_near(spec.keys[0], relation) else _FAR_MS)
        + _EXPRESSION_MS * sum(key.expression is not None for key in spec.keys)
        + _KEY_BYTE_MS * max(0.0, key_bytes - _PLAIN_BYTES)
        + _INCLUDED_BYTE_MS * included_bytes
    )


def held_fraction(spec: IndexSpec, relation: Relation, size_bytes: int | None) -> float:
    """The part of the relation's rows (0 to 1) that a partial index holds, by its size."""
    if not spec.predicate or not size_bytes or relation.reltuples <= 0:
        return 1.0
    names = (*(key.column for key in spec.keys), *spec.included)
    entry_bytes = _ENTRY_BYTES + sum(_width(name, relation) for name in names)
    return min(1.0, size_bytes / (entry_bytes * relation.reltuples))


def _is_near(key: IndexKey, relation: Relation) -> bool:
    """True if the next row's entry goes where the last one's went, or to one of few places."""
    statistics = _statistics(key.column, relation)
    if statistics is None:
        return False
    distinct = statistics.n_distinct
    if distinct < 0:
        distinct *= -max(relation.reltuples, 0.0)
    return 0 < distinct < _FEW_VALUES or abs(statistics.correlation or 0.0) >= _IN_ORDER


def _elements(key: IndexKey, relation: Relation) -> float:
    """Entries that one row's value makes in a GIN index."""
    width = _width(key.column, relation)
    if key.opclass and "trgm" in key.opclass:
        return width + 1.0
    statistics = _statistics(key.column, relation)
    if statistics and statistics.elem_count_histogram:
        return max(statistics.elem_count_histogram[-1], 1.0)  # the mean stands last
    return max(width / _BYTES_AN_ELEMENT, 1.0) if statistics else _ELEMENTS_WHERE_UNKNOWN


def _width(name: str | None, relation: Relation) -> float:
    column = _column(name, relation)
    if column is not None and column.type_length > 0:
        return column.type_length
    statistics = _statistics(name, relation)
    return statistics.avg_width if statistics else _WIDTH_WHERE_UNKNOWN


def _statistics(name: str | None, relation: Relation) -> ColumnStatistics | None:
    column = _column(name, relation)
    if column is None:
        return None
    return column.statistics_for(inherited=relation.kind == "p") or column.statistics_for()


def _column(name: str | None, relation: Relation) -> Column | None:
    return relation.column(name) if name else None
