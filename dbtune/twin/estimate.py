"""From a candidate and its relation's statistics to the figures that size.py wants. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.twin.size import (
    Group,
    IndexSize,
    KeyWidth,
    brin_size,
    btree_size,
    fillfactor,
    gin_size,
    gist_size,
    hash_size,
    tuple_bytes,
)

_UNKNOWN_WIDTH = 32  # get_typavgwidth() for a type of unknown width
_UNKNOWN_DISTINCT = 200.0  # DEFAULT_NUM_DISTINCT


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """What is known of one key or included column: its width, its statistics if there are any."""

    width: KeyWidth
    statistics: ColumnStatistics | None


def column_figures(column: Column) -> KeyFigures:
    """The figures of a plain column."""
    statistics = column.statistics_for() or column.statistics_for(inherited=True)
    width = float(statistics.avg_width) if statistics else float(_UNKNOWN_WIDTH)
    null_frac = statistics.null_frac if statistics else 0.0
    return KeyFigures(KeyWidth(column.type_length, column.type_align, width, null_frac), statistics)


def expression_figures(statistics: ColumnStatistics | None) -> KeyFigures:
    """The figures of an expression, of which only derived statistics are known."""
    width = float(statistics.avg_width) if statistics else float(_UNKNOWN_WIDTH)
    return KeyFigures(
        KeyWidth(-1, "i", width, statistics.null_frac if statistics else 0.0), statistics
    )


def index_size(
    spec: IndexSpec,
    relation: Relation,
    keys: Sequence[KeyFigures],
    *,
    rows: float,
    deduplicates: bool,
) -> IndexSize:
    """The size of an index on `rows` rows of a relation.

    Args:
        spec: the index.
        relation: the table or partition that holds the rows.
        keys: figures of the key columns, in order.
        rows: rows that the predicate lets in.
        deduplicates: whether the operator classes and options allow it (B-tree only).
    """
    filled = fillfactor(spec.access_method, spec.options)
    heap_pages = relation.size_bytes // 8192
    match spec.access_method:
        case "btree":
            included = [column_figures(c) for n in spec.included if (c := relation.column(n))]
            can_merge = deduplicates and not spec.included and not spec.is_unique
            return btree_size(
                rows,
                tuple_bytes([k.width for k in (*keys, *included)]),
                groups=key_groups(keys, rows) if can_merge else (),
                fillfactor_percent=filled,
                pivot_size=tuple_bytes([k.width for k in keys]),
            )
        case "hash":
            groups = _groups_of_column(keys[0], rows, with_nulls=False)
            return hash_size(max(relation.reltuples, rows), groups, fillfactor_percent=filled)
        case "brin":
            return brin_size(heap_pages, _pages_per_range(spec), _summary_bytes(keys))
        case "gin":
            entries, postings, width = _gin_figures(spec, keys, rows)
            return gin_size(entries, postings, width, heap_pages)
        case _:
            return gist_size(rows, tuple_bytes([k.width for k in keys]), fillfactor_percent=filled)


def key_groups(keys: Sequence[KeyFigures], rows: float) -> tuple[Group, ...]:
    """How `rows` rows share key values: nulls, the most common values, all others."""
    if len(keys) == 1:
        return tuple(_groups_of_column(keys[0], rows))
    combinations = 1.0
    for key in keys:
        combinations *= max(distinct_values(key.statistics, rows), 1.0)
    seen = combinations * -math.expm1(-rows / combinations) if combinations > 0 else rows
    seen = max(min(seen, rows), 1.0)
    return (Group(seen, rows / seen, tuple_bytes([k.width for k in keys])),)


def distinct_values(statistics: ColumnStatistics | None, rows: float) -> float:
    """Distinct values among `rows` rows, a null counting as one."""
    if statistics is None:
        return min(_UNKNOWN_DISTINCT, rows)
    found = statistics.n_distinct
    found = -found * rows if found < 0 else found
    return min(max(found, 1.0) + (1.0 if statistics.null_frac > 0 else 0.0), max(rows, 1.0))


def _groups_of_column(key: KeyFigures, rows: float, *, with_nulls: bool = True) -> list[Group]:
    statistics = key.statistics
    width = tuple_bytes([replace(key.width, null_frac=0.0)])
    if statistics is None:
        distinct = distinct_values(None, rows)
        return [Group(distinct, rows / max(distinct, 1.0), width)]
    groups = []
    nulls = statistics.null_frac * rows
    if nulls >= 1 and with_nulls:
        groups.append(Group(1.0, nulls, tuple_bytes([replace(key.width, null_frac=1.0)])))
    common = [f * rows for f in statistics.most_common_freqs or () if f * rows >= 1]
    groups += [Group(1.0, count, width) for count in common]
    distinct = statistics.n_distinct
    distinct = -distinct * rows if distinct < 0 else distinct
    others = rows - nulls - sum(common)
    other_keys = min(max(distinct - len(common), 0.0), others)
    if others >= 1:
        other_keys = max(other_keys, 1.0)
        groups.append(Group(other_keys, others / other_keys, width))
    return groups


def _pages_per_range(spec: IndexSpec) -> int:
    for option in spec.options:
        name, _, value = option.partition("=")
        if name.strip() == "pages_per_range" and value.strip(" '").isdigit():
            return int(value.strip(" '"))
    return 128


def _summary_bytes(keys: Sequence[KeyFigures]) -> float:
    """Two bounds a key (minmax), after a header of eight bytes."""
    return 8 + sum(
        2 * (k.width.length if k.width.length > 0 else k.width.average_bytes) for k in keys
    )


def _gin_figures(
    spec: IndexSpec, keys: Sequence[KeyFigures], rows: float
) -> tuple[float, float, float]:
    """Entries, postings and bytes per entry, summed over the keys."""
    entries = postings = 0.0
    widest = 8.0
    for key, figures in zip(spec.keys, keys, strict=True):
        present = rows * (1.0 - figures.width.null_frac)
        statistics = figures.statistics
        if "trgm" in (key.opclass or ""):
            per_row = max(figures.width.average_bytes - 1, 1.0)
            entries += min(30000.0, per_row * present)
            postings += per_row * present
        elif statistics and statistics.most_common_elem_freqs:
            freqs = statistics.most_common_elem_freqs
            counts = statistics.elem_count_histogram
            per_row = counts[-1] if counts else sum(freqs[: -3 if len(freqs) > 3 else None])
            entries += max(len(freqs) * 1.0, 1.0)
            postings += max(per_row, 0.1) * present
        else:
            per_row = max(figures.width.average_bytes / 10, 1.0)
            entries += distinct_values(statistics, rows) * per_row
            postings += per_row * present
    return entries, postings, widest
