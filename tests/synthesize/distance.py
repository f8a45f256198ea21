"""How far synthesised statistics are from the source's, column by column."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.snapshot.model import Snapshot

Ordered = tuple[int, float, str]

_FEW = 100  # the correlation of fewer rows is chance


@dataclass(frozen=True)
class Distance:
    """One column: absolute differences of shares, ratios (at least 1) of counts and widths."""

    column: str
    null_frac: float
    distinct: float
    common: float
    histogram: float
    correlation: float
    width: float

    @property
    def worst(self) -> float:
        """As a ratio: 1 is equal, 2 is off by a factor of two or by half of all rows."""
        shares = max(self.null_frac, self.common, self.histogram)
        return max(self.distinct, self.width, 1 + 2 * shares, 1 + self.correlation)


def distances(source: Snapshot, made: Snapshot) -> Iterator[Distance]:
    """One distance for each column that both have statistics of."""
    for relation in source.relations:
        same = made.relation_by_name.get(relation.name)
        for column in relation.columns:
            other = same.column(column.name) if same else None
            if same is None or other is None:
                continue
            for inherited in (False, True):
                a = column.statistics_for(inherited=inherited)
                b = other.statistics_for(inherited=inherited)
                if a and b:
                    rows = (relation.reltuples, same.reltuples)
                    yield distance(f"{relation.name}.{column.name}", a, b, rows)


def distance(
    name: str, a: ColumnStatistics, b: ColumnStatistics, rows: tuple[float, float]
) -> Distance:
    return Distance(
        name,
        abs(a.null_frac - b.null_frac),
        _ratio(_distinct(a, rows[0]), _distinct(b, rows[1])),
        _common(a, b),
        _histogram(a, b),
        abs((a.correlation or 0.0) - (b.correlation or 0.0)) if min(rows) >= _FEW else 0.0,
        _ratio(a.avg_width, b.avg_width),
    )


def _distinct(statistics: ColumnStatistics, rows: float) -> float:
    n = statistics.n_distinct
    return n if n >= 0 else -n * rows


def _ratio(a: float, b: float) -> float:
    low, high = sorted((max(a, 1.0), max(b, 1.0)))
    return high / low


def _common(a: ColumnStatistics, b: ColumnStatistics) -> float:
    """Half the sum of differences of the frequencies of values that are common in the source.

    A value that is not listed has at most the least listed frequency.
    """
    own = dict(zip(a.most_common_values or (), a.most_common_freqs or (), strict=True))
    other = dict(zip(b.most_common_values or (), b.most_common_freqs or (), strict=True))
    least = min(other.values(), default=0.0)
    return sum(abs(f - other.get(v, min(f, least))) for v, f in own.items()) / 2


def _histogram(a: ColumnStatistics, b: ColumnStatistics) -> float:
    """The greatest difference of the distribution functions at the source's bounds.

    Of all values, common ones included: which of many alike are listed as common is chance.
    """
    if not a.histogram_bounds or not b.histogram_bounds:
        return 0.0
    own, other = _distribution(a), _distribution(b)
    worst = 0.0
    for bound in map(_key, a.histogram_bounds):
        low, high = _share_below(own, bound)
        other_low, other_high = _share_below(other, bound)
        worst = max(worst, other_low - high, low - other_high)
    return worst


Distribution = tuple[list[Ordered], list[Ordered], list[float]]


def _distribution(statistics: ColumnStatistics) -> Distribution:
    """Histogram bounds in order; common values in order, with the share up to each."""
    common = sorted(
        zip(
            map(_key, statistics.most_common_values or ()),
            statistics.most_common_freqs or (),
            strict=True,
        )
    )
    shares = list(accumulate((f for _, f in common), initial=0.0))
    present = 1.0 - statistics.null_frac
    values = [value for value, _ in common]
    return sorted(map(_key, statistics.histogram_bounds or ())), values, [*shares, present]


def _share_below(distribution: Distribution, value: Ordered) -> tuple[float, float]:
    """The share of rows below a value, at least and at most as far as bounds tell."""
    bounds, common, shares = distribution
    rest = (shares[-1] - shares[-2]) / (len(bounds) - 1)
    low = max(bisect_left(bounds, value) - 1, 0) * rest
    high = min(bisect_right(bounds, value), len(bounds) - 1) * rest
    return (
        low + shares[bisect_left(common, value)],
        high + shares[bisect_right(common, value)],
    )


def _key(text: str) -> Ordered:
    try:
        return (0, float(text), "")
    except ValueError:
        pass
    try:
        return (0, datetime.fromisoformat(text).timestamp(), "")
    except ValueError:
        return (1, 0.0, text)
