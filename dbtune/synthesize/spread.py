"""How a column's rows are spread over its domain: from statistics to counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dbtune.synthesize.order import hashed
from dbtune.synthesize.ragged import Ints

Shares = np.ndarray[tuple[int], np.dtype[np.float64]]

_ROUNDS = 8
_SALT = 29
_TWO_EVEN_DRAWS = 6.0  # the variance of the difference of two, each from [0, a), is a² / 6


@dataclass(frozen=True, slots=True)
class Spread:
    """Segments of the domain in order. Segment i holds the rows up to `ends[i]`; they share
    `distinct[i]` values about evenly, which lie evenly in `width[i]` ranks from `first[i]` on.
    """

    ends: Ints
    first: Ints
    width: Ints
    distinct: Ints

    @property
    def rows(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def is_injective(self) -> bool:
        """True if no two rows have the same value."""
        return int(self.distinct.sum()) >= self.rows

    def sorted_share(self, correlation: float) -> float:
        """The share of rows in sorted places that makes ANALYZE find a correlation.

        ANALYZE sorts equal values by place, so rows in any order show the sum of their values'
        squared frequencies.
        """
        if not self.rows:
            return 0.0
        sizes = np.diff(self.ends, prepend=0).astype(np.float64)
        ties = float((sizes * sizes / self.distinct).sum()) / self.rows**2
        share = (correlation - ties) / max(1.0 - ties, 1e-9)
        return min(max(share, -1.0), 1.0) if abs(correlation - ties) > 0.02 else 0.0

    def ranks(self, places: Ints) -> Ints:
        """The rank in the domain of each row, the rows being numbered in the order of values."""
        at = np.searchsorted(self.ends, places, "right")
        begin = np.concatenate([[0], self.ends])[at]
        number = self._numbers(at, places - begin, self.ends[at] - begin)
        ranks: Ints = self.first[at] + number * self.width[at] // self.distinct[at]
        return ranks

    def locate(self, ranks: Ints) -> tuple[Ints, Shares, Shares]:
        """The numbers of the values with these ranks, and the shares of all rows that lie below
        each value and that have it.
        """
        at = np.searchsorted(self.first, ranks, "right") - 1
        distinct = self.distinct[at]
        number = ((ranks - self.first[at] + 1) * distinct - 1) // self.width[at]
        begin = np.concatenate([[0], self.ends])[at]
        each = (self.ends[at] - begin) / distinct
        before = np.concatenate([[0], np.cumsum(self.distinct)])[at]
        return before + number, (begin + number * each) / self.rows, each / self.rows

    def _numbers(self, segment: Ints, place: Ints, rows: Ints) -> Ints:
        """Which of its segment's values each row has.

        Each value has about as many rows as the others, as if rows drew values by chance: their
        standard deviation is the mean's square root. None is left without.
        """
        distinct = self.distinct[segment]
        number, rest = np.divmod(place * distinct, rows)
        mean = np.maximum(rows / distinct, 1.0)
        freedom = np.minimum(np.sqrt(_TWO_EVEN_DRAWS / mean), 1.0 - 1.0 / mean)
        if not freedom.any():
            return number
        first = self.first[segment]
        edge = (hashed(first + number, _SALT) >> np.uint64(11)) * (freedom / 2.0**53)
        earlier = (number > 0) & (rest < edge * rows)
        return number - earlier


def even(size: int, rows: int) -> Spread:
    """Rows spread evenly over a whole domain."""
    one = np.array([min(size, rows)], np.int64)
    return Spread(np.array([rows], np.int64), np.zeros(1, np.int64), np.array([size]), one)


@dataclass(frozen=True, slots=True)
class Layout:
    """Marks in order, each with the rows that have it, and what lies between each and the next.

    `rows_between` and `distinct_between` have as many entries as marks; the last are of what
    lies beyond the last mark.
    """

    rows: Ints
    rows_between: Ints
    distinct_between: Ints


def spread_over(layout: Layout, starts: Ints, *, between_all: bool) -> Spread:
    """The spread of a layout whose marks have the ranks `starts` (and at the end the size).

    With `between_all` the ranks between two marks are all used; else as many as are distinct.
    """
    marks = len(layout.rows)
    rows = np.stack([layout.rows, layout.rows_between], axis=1).reshape(-1)
    first = np.stack([starts[:-1], starts[:-1] + 1], axis=1).reshape(-1)
    room = np.maximum(np.diff(starts) - 1, 0)
    width = np.stack([np.ones(marks, np.int64), room], axis=1).reshape(-1)
    wanted = room if between_all else np.minimum(layout.distinct_between, room)
    distinct = np.stack([np.ones(marks, np.int64), wanted], axis=1).reshape(-1)
    distinct = np.minimum(distinct, np.maximum(rows, 1))
    kept = rows > 0
    return Spread(np.cumsum(rows[kept]), first[kept], width[kept], np.maximum(distinct[kept], 1))


def lay_out(
    mass: Sequence[float],
    common_rows: Sequence[int | None],
    capacities: Sequence[int],
    rest_rows: int,
    rest_distinct: int,
    *,
    unique: bool,
) -> Layout:
    """Distribute rows and distinct values over marks and what lies between them.

    Args:
        mass: per mark, the share of the remaining rows whose value lies below the next mark but
            not below this one; sums to 1, or all are 0.
        common_rows: per mark, the rows that have it if it is a most common value; else None.
        capacities: how many other values there can be before the next mark.
        rest_rows: rows that have no common value.
        rest_distinct: values that these rows have.
        unique: each value has exactly one row.
    """
    share = np.asarray(mass, np.float64)
    room = np.asarray(capacities, np.int64)
    plain = np.array([c is None for c in common_rows])
    others = max(rest_distinct - int(plain.sum()), 0)
    between = _fit(_apportion(share, others), room, share, all_wanted=unique)
    if unique:
        return Layout(np.ones(len(share), np.int64), between, between)
    rows_here = _apportion(share, rest_rows)
    per_value = np.maximum(rows_here // np.maximum(between + plain, 1), 1)
    at_mark = np.where(between > 0, np.minimum(per_value, rows_here), rows_here)
    at_mark = np.where(plain, at_mark, np.where(between > 0, 0, rows_here))
    rows_between = rows_here - at_mark
    at_mark = np.where(plain & (at_mark == 0) & (rest_rows > 0), 1, at_mark)
    common = np.array([c or 0 for c in common_rows], np.int64)
    layout = Layout(at_mark + common, rows_between, between)
    _settle(layout, rest_rows + int(common.sum()))
    return layout


def _settle(layout: Layout, total: int) -> None:
    """Take what rounding gave too many from where most rows are, or give it there."""
    for _ in range(_ROUNDS):
        excess = int(layout.rows.sum() + layout.rows_between.sum()) - total
        if not excess:
            return
        counts = (
            layout.rows if layout.rows.max() > layout.rows_between.max() else layout.rows_between
        )
        most = int(counts.argmax())
        counts[most] -= min(excess, int(counts[most]))


def _apportion(share: np.ndarray[tuple[int], np.dtype[np.float64]], total: int) -> Ints:
    """Whole numbers in these proportions that sum to `total`."""
    if not share.sum():
        return np.zeros(len(share), np.int64)
    ends = np.rint(np.cumsum(share / share.sum()) * total).astype(np.int64)
    counts: Ints = np.diff(ends, prepend=0)
    return counts


def _fit(
    wanted: Ints,
    room: Ints,
    share: np.ndarray[tuple[int], np.dtype[np.float64]],
    *,
    all_wanted: bool,
) -> Ints:
    """Counts that fit their room; what does not fit moves, in proportion, to where it does."""
    target = int(wanted.sum())
    fitted = np.minimum(wanted, room)
    for _ in range(_ROUNDS):
        missing = target - int(fitted.sum())
        free = room - fitted
        open_share = np.where((free > 0) & ((share > 0) | all_wanted), share + 1e-9, 0.0)
        if missing <= 0 or not open_share.sum():
            return fitted
        fitted = fitted + np.minimum(_apportion(open_share, missing), free)
    missing = target - int(fitted.sum())
    if all_wanted and missing > 0:
        free = np.cumsum(room - fitted)
        taken = np.minimum(free, missing)
        fitted = fitted + np.diff(taken, prepend=0)
    return fitted
