"""A domain of its own for a column, and how its rows spread over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.synthesize.domain import Domain, Marks, Pool, WholeNumbers
from dbtune.synthesize.family import Text, Whole, step_of
from dbtune.synthesize.ragged import Ints, Ragged
from dbtune.synthesize.spread import Layout, Spread, even, lay_out, spread_over
from dbtune.synthesize.strings import Gap, Letters, Strings, gap_between
from dbtune.synthesize.values import Known, Mark, Shape, shape_of

_DIGITS_LIMIT = 2**61


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows a column has, how many with a value, and how many distinct values.

    `unique`: as many as have a value; `must_be`: a key demands it. `grown`: how many times as many
    distinct values as statistics tell; what is more lies beyond the known ones.
    """

    rows: int
    present: int
    distinct: int
    unique: bool
    must_be: bool = False
    grown: float = 1.0


def counts_of(
    statistics: ColumnStatistics | None, rows: int, *, not_null: bool, unique: bool
) -> Counts:
    """A column's counts from its statistics; as the planner assumes where there are none.

    `n_distinct` is a number of values, or if negative a fraction of the rows (pg_stats).
    """
    null_frac = statistics.null_frac if statistics and not not_null else 0.0
    present = rows - round(null_frac * rows)
    if unique:
        return Counts(rows, present, present, True, must_be=True)
    stated = statistics.n_distinct if statistics else 200.0
    distinct = stated if stated > 0 else -stated * rows
    if statistics and not statistics.most_common_values and 0 < present <= distinct * 1.001:
        return Counts(rows, present, present, True)
    if statistics:
        distinct = max(distinct, len(statistics.most_common_values or ()))
    return Counts(rows, present, max(min(round(distinct), present), min(1, present)), False)


def own_whole(
    shape: Shape, family: Whole, counts: Counts, *, invented: bool
) -> tuple[Domain, Spread]:
    """Whole numbers between and beyond the known ones.

    Known values that redaction `invented` follow each other closely: they make room.
    """
    keys = [m.key for m in shape.marks if isinstance(m.key, int)]
    if invented:
        keys = _stretched(keys, counts.distinct, family)
    step = 1 if invented else step_of(keys)
    last = (family.highest - keys[-1]) // step
    inner = [(b - a) // step - 1 for a, b in pairwise(keys)]
    if counts.unique and step > 1 and sum(inner) + len(keys) < counts.distinct:
        step = 1
        inner = [b - a - 1 for a, b in pairwise(keys)]
        last = family.highest - keys[-1]
    is_open = counts.grown > 1.0 or not any(shape.mass)
    layout = _laid_out(shape, [*_bounded(inner), last if counts.unique or is_open else 0], counts)
    if counts.unique:
        wanted = counts.distinct - int(layout.distinct_between[:-1].sum()) - len(keys)
        layout.distinct_between[-1] = layout.rows_between[-1] = max(min(wanted, last), 0)
    starts = _starts(layout)
    between = np.diff(starts) - 1
    slots = np.array([*_bounded(inner), max(int(between[-1]), 0)], np.int64) + 1
    marks = Marks(keys, {m.text: int(s) for m, s in zip(shape.marks, starts, strict=False)}, starts)
    exact = {at: m.binary for at, m in enumerate(shape.marks)} if family.lossy else {}
    domain = WholeNumbers(
        family, marks, np.array(keys, np.int64), np.maximum(slots, between + 1), step, exact
    )
    return domain, spread_over(layout, starts, between_all=True)


def _stretched(keys: list[int], distinct: int, family: Whole) -> list[int]:
    """The same numbers farther apart, so that as many as are wanted lie among them."""
    extent = keys[-1] - keys[0]
    if extent == 0 or extent + 1 >= distinct:
        return keys
    factor = min(-(-2 * distinct // extent), (family.highest - keys[0]) // extent)
    return [keys[0] + (key - keys[0]) * max(factor, 1) for key in keys]


def _bounded(inner: list[int]) -> list[int]:
    return [max(min(slots, _DIGITS_LIMIT), 0) for slots in inner]


def own_text(shape: Shape, family: Text, counts: Counts) -> tuple[Domain, Spread]:
    """Strings between the known ones and of their form, and if need be beyond them."""
    marks = shape.marks
    letters = Letters.of([str(m.key) for m in marks])
    is_open = counts.unique or counts.grown > 1.0 or not any(shape.mass)
    others = [*(str(m.key) for m in marks[1:]), None]

    def gaps(needed: Sequence[int]) -> list[Gap]:
        return [
            gap_between(str(mark.key), other, family.limit, letters, n)
            for mark, other, n in zip(marks, others, needed, strict=True)
        ]

    capacities = [gap.slots for gap in gaps([counts.distinct] * len(marks))]
    layout = _laid_out(shape, [*capacities[:-1], capacities[-1] if is_open else 0], counts)
    if counts.unique:
        wanted = counts.distinct - int(layout.distinct_between[:-1].sum()) - len(marks)
        last = max(min(wanted, capacities[-1]), 0)
        layout.distinct_between[-1] = layout.rows_between[-1] = last
    starts = _starts(layout)
    chosen = gaps([int(n) for n in np.diff(starts) - 1])
    return Strings.of(marks, chosen, starts, letters), spread_over(layout, starts, between_all=True)


def own_pool(
    known: Known, statistics: ColumnStatistics | None, counts: Counts
) -> tuple[Domain, Spread]:
    """Only the known values, in their order: common ones as often as they are, others evenly."""
    common = dict(
        zip(
            (statistics.most_common_values if statistics else None) or (),
            (statistics.most_common_freqs if statistics else None) or (),
            strict=False,
        )
    )
    if counts.unique:
        common = {}
    pool = Pool(Ragged.of(known.binaries), known.by_text())
    frequencies = np.array([common.get(text, 0.0) for text in known.texts])
    if not frequencies.any():
        return pool, even(pool.size, counts.present)
    others = int((frequencies == 0).sum())
    rest = max(counts.present - float(frequencies.sum()) * counts.rows, 0.0)
    rows = np.where(frequencies > 0, frequencies * counts.rows, rest / max(others, 1))
    ends = np.rint(np.cumsum(rows) * counts.present / max(float(rows.sum()), 1e-9))
    sizes = np.diff(ends, prepend=0).astype(np.int64)
    kept = np.flatnonzero(sizes)
    one = np.ones(len(kept), np.int64)
    return pool, Spread(np.cumsum(sizes[kept]), kept, one, one)


def common_first(frequencies: Sequence[float], size: int, counts: Counts) -> Spread:
    """Ranks of which the first have these frequencies, and the others share the rest evenly."""
    if not frequencies:
        return even(size, counts.present)
    left = size - len(frequencies)
    rows = [f * counts.rows for f in frequencies]
    rest = max(counts.present - sum(rows), 0.0) if left else 0.0
    ends = np.rint(np.cumsum([*rows, rest]) * counts.present / max(sum(rows) + rest, 1e-9))
    ranks = np.arange(len(frequencies) + 1)
    width = np.array([*(1 for _ in frequencies), max(left, 1)], np.int64)
    sizes = np.diff(ends, prepend=0).astype(np.int64)
    kept = sizes > 0
    distinct = np.minimum(width, np.maximum(sizes, 1))
    return Spread(np.cumsum(sizes[kept]), ranks[kept], width[kept], distinct[kept])


def shared(
    known: Known,
    statistics: ColumnStatistics | None,
    counts: Counts,
    domain: Domain,
) -> Spread:
    """The spread of a column over another's domain."""
    ranks = tuple(domain.locate(t, k) for t, k in zip(known.texts, known.keys, strict=True))
    placed = Known(known.texts, known.binaries, ranks)
    shape = shape_of(placed, statistics, (), counts.distinct)
    if counts.unique and counts.present > domain.size and not counts.must_be:
        counts = replace(counts, unique=False)
    if counts.unique:
        return _unique_over(shape, counts, domain)
    if not any(shape.mass) and not any(m.frequency for m in shape.marks):
        return even(domain.size, counts.present)
    starts = np.array([*(int(m.key) for m in shape.marks), domain.size], np.int64)
    capacities = np.maximum(np.diff(starts) - 1, 0)
    capacities[-1] = 0
    layout = _laid_out(shape, [int(c) for c in capacities], counts)
    return spread_over(layout, starts, between_all=False)


def _unique_over(shape: Shape, counts: Counts, domain: Domain) -> Spread:
    """Each value of another's domain at most once, where the column's histogram has them."""
    rows = min(counts.present, domain.size)
    if any(shape.mass) and len(shape.marks) <= rows:
        starts = np.array([*(int(m.key) for m in shape.marks), domain.size], np.int64)
        capacities = np.maximum(np.diff(starts) - 1, 0)
        layout = _laid_out(shape, [int(c) for c in capacities], replace(counts, distinct=rows))
        if int(layout.rows.sum() + layout.rows_between.sum()) == rows:
            return spread_over(layout, starts, between_all=False)
    return even(domain.size, rows)


def _laid_out(shape: Shape, capacities: list[int], counts: Counts) -> Layout:
    marks: tuple[Mark, ...] = shape.marks
    frequencies = [None if counts.unique else m.frequency for m in marks]
    common = [None if f is None else round(f * counts.rows) for f in frequencies]
    taken = sum(c or 0 for c in common)
    rest_rows = max(counts.present - taken, 0)
    rest_distinct = max(counts.distinct - sum(c is not None for c in common), 0)
    mass = list(shape.mass)
    if not any(mass) and (counts.unique or all(c is None for c in common)):
        mass[-1] = 1.0
    if not any(mass) or taken > counts.present:  # all rows have common values: keep proportions
        scale = counts.present / max(taken, 1)
        common = [None if c is None else round(c * scale) for c in common]
        rest_rows = counts.present - sum(c or 0 for c in common)
        mass = [0.0] * len(marks)
        at = max(range(len(marks)), key=lambda i: common[i] or 0)
        common[at] = (common[at] or 0) + rest_rows
        rest_rows = 0
    return lay_out(mass, common, capacities, rest_rows, rest_distinct, unique=counts.unique)


def _starts(layout: Layout) -> Ints:
    starts = np.zeros(len(layout.rows) + 1, np.int64)
    np.cumsum(layout.distinct_between + 1, out=starts[1:])
    return starts
