"""From a candidate and its relation's statistics to the figures that size.py wants. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.twin.size import (
    Group,
    IndexSize,
    brin_size,
    btree_size,
    fillfactor,
    gin_size,
    gist_size,
    hash_size,
)
from dbtune.twin.width import UNKNOWN_BYTES, KeyWidth, key_width, tuple_bytes

_RANGES = frozenset({"int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"})
_INCLUDED = _RANGES | {"box", "inet", "cidr"}  # BRIN keeps their union
_TUPLES_PER_PAGE = 291  # MaxHeapTuplesPerPage
_UNKNOWN_DISTINCT = 200.0  # DEFAULT_NUM_DISTINCT


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """What is known of one key or included column: its width, its statistics if there are any."""

    width: KeyWidth
    statistics: ColumnStatistics | None
    type: str = ""


def column_figures(column: Column, distinct: float = 0.0, rows: float = 0.0) -> KeyFigures:
    """The figures of a plain column, of which so many of its `rows` rows differ at least."""
    statistics = column.statistics_for() or column.statistics_for(inherited=True)
    if statistics and distinct > distinct_values(statistics, rows):
        statistics = replace(statistics, n_distinct=distinct)
    width = key_width(column, statistics)
    return KeyFigures(width, statistics, column.type.partition("(")[0])


def expression_figures(statistics: ColumnStatistics | None) -> KeyFigures:
    """The figures of an expression, of which only derived statistics are known."""
    width = float(statistics.avg_width if statistics else UNKNOWN_BYTES)
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
                groups=key_groups(keys, rows, relation.reltuples) if can_merge else (),
                fillfactor_percent=filled,
                pivot_size=tuple_bytes([k.width for k in keys]),
            )
        case "hash":
            groups = _groups_of_column(keys[0], rows, relation.reltuples, with_nulls=False)
            return hash_size(max(relation.reltuples, rows), groups, fillfactor_percent=filled)
        case "brin":
            per_page = relation.reltuples / max(heap_pages, 1)
            return brin_size(
                heap_pages, _pages_per_range(spec), _summary_bytes(spec, keys, per_page)
            )
        case "gin":
            # Nothing is known of the keys: as many entries as values, all in the entry tree.
            size = gin_size(key_groups(keys, rows, relation.reltuples), heap_pages)
            return replace(size, entry_pages=size.pages * 9 // 10)
        case "spgist":
            included = [column_figures(c) for n in spec.included if (c := relation.column(n))]
            return gist_size(rows, _spgist_bytes(keys[0], included), fill=0.8)
        case _:
            return gist_size(rows, _gist_bytes(spec, keys), fill=_gist_fill(keys))


def key_groups(
    keys: Sequence[KeyFigures], rows: float, table_rows: float = 0.0
) -> tuple[Group, ...]:
    """How `rows` rows share key values: nulls, the most common values, all others.

    They are taken for a sample of `table_rows`, if those are more: of a value's rows some are in
    it, so it has more values than its share of them.
    """
    if len(keys) == 1:
        return tuple(_groups_of_column(keys[0], rows, table_rows))
    combinations = 1.0
    for key in keys:
        combinations *= max(distinct_values(key.statistics, max(table_rows, rows)), 1.0)
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


def _groups_of_column(
    key: KeyFigures, rows: float, table_rows: float, *, with_nulls: bool = True
) -> list[Group]:
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
    table_rows = max(table_rows, rows)
    distinct = -distinct * table_rows if distinct < 0 else distinct
    others = rows - nulls - sum(common)
    if others >= 1:
        share = rows / table_rows
        all_keys = max(distinct - len(common), 1.0)
        missed = (1.0 - share) ** max(others / share / all_keys, 1.0)
        other_keys = max(min(all_keys * (1.0 - missed), others), 1.0)
        groups.append(Group(other_keys, others / other_keys, width))
    return groups


def _pages_per_range(spec: IndexSpec) -> int:
    return int(_option(spec.options, "pages_per_range") or 128)


def _option(options: Iterable[str], wanted: str) -> float | None:
    """The number that an index or an operator class is given as an option."""
    for option in options:
        name, _, value = option.partition("=")
        with suppress(ValueError):
            if name.strip() == wanted:
                return float(value.strip(" '"))
    return None


def _summary_bytes(spec: IndexSpec, keys: Sequence[KeyFigures], rows_per_page: float) -> float:
    """Bytes of one block range's summary (brin_tuple.c): two bounds a key, or what a class keeps.

    minmax_multi keeps up to 32 values behind a header of 20 bytes, inclusion the union and two
    flags, bloom a filter.
    """
    rows = _pages_per_range(spec) * rows_per_page
    total = 0.0
    for key, figures in zip(spec.keys, keys, strict=True):
        opclass, _, parameters = (key.opclass or "").partition("(")
        options = parameters.rstrip(") ").split(",")
        width = figures.width
        value = width.length if width.length > 0 else width.average_bytes
        if "bloom" in opclass:
            total += _bloom_bytes(_pages_per_range(spec), options)
        elif "multi" in opclass:
            present = distinct_values(figures.statistics, rows) * (1.0 - width.null_frac)
            total += 20 + value * min(present, _option(options, "values_per_range") or 32.0)
        elif figures.type in _INCLUDED and "minmax" not in opclass:
            total += value + 2
        else:
            total += value * 2
    return math.ceil((8.0 + total) / 8) * 8


def _bloom_bytes(pages_per_range: int, options: Sequence[str]) -> float:
    """A block range's Bloom filter (brin_bloom.c): a header of 16 bytes, bits by its options."""
    most = float(pages_per_range * _TUPLES_PER_PAGE)
    distinct = _option(options, "n_distinct_per_range") or -0.1
    distinct = min(-distinct * most if distinct < 0 else distinct, most)
    false_positives = _option(options, "false_positive_rate") or 0.01
    bits = -max(distinct, 16.0) * math.log(false_positives) / math.log(2) ** 2
    return min(16 + bits / 8, 8000.0)


# Bytes of a GiST leaf key where it is not the value itself: points and shapes become boxes.
_SIGNATURE_BYTES = 132  # of a tsvector with many lexemes
_BOXED = frozenset({"point", "box", "circle", "polygon"})


def _gist_bytes(spec: IndexSpec, keys: Sequence[KeyFigures]) -> float:
    """A GiST leaf tuple; btree_gist keeps a lower and an upper bound of every scalar."""
    total = 0.0
    for key, figures in zip(spec.keys, keys, strict=True):
        width = figures.width
        if "trgm" in (key.opclass or ""):
            total += 8 + 3 * (width.average_bytes - 1)
        elif figures.type == "tsvector":
            total += min(9 + 4 * lexemes(width.average_bytes), _SIGNATURE_BYTES)
        elif figures.type in _BOXED:
            total += 32
        elif figures.type in {"inet", "cidr"}:
            total += 8
        elif width.length > 0:
            total += 2 * max(width.length, 4)
        else:
            total += width.average_bytes
    return float(-(-(8 + total) // 8) * 8)


def _gist_fill(keys: Sequence[KeyFigures]) -> float:
    """How full pages are: ranges are sorted first (18), addresses split badly, others split."""
    if len(keys) == 1 and keys[0].type in _RANGES:
        return 0.99
    return 0.5 if keys[0].type in {"inet", "cidr"} else 0.72


def _spgist_bytes(key: KeyFigures, included: Sequence[KeyFigures]) -> float:
    """An SP-GiST leaf tuple; of a text what follows the shared prefixes, of a polygon its box."""
    value = key.width.length if key.width.length > 0 else key.width.average_bytes
    if key.type in {"text", "character varying"}:
        value *= 0.75
    elif key.type in _BOXED:
        value = min(value, 32.0)
    value *= 1.0 - key.width.null_frac
    value += sum(k.width.length if k.width.length > 0 else k.width.average_bytes for k in included)
    return float(-(-(12 + value) // 8) * 8)


def lexemes(tsvector_bytes: float) -> float:
    """Lexemes of a tsvector: each an entry and a position of four bytes, and some five of text."""
    return max(tsvector_bytes - 8, 0.0) / 13
