"""A sample of a column drawn from its statistics, and statistics made of a sample. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dbtune.snapshot.catalog import ColumnStatistics

SAMPLE_ROWS = 2000
_MOST_COMMON = 100  # default_statistics_target
_BOUNDS = 101


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a sample: `low`, or `fraction` of the way from `low` to `high`; None is null."""

    low: str | None
    high: str | None = None
    fraction: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an expression made of one row of a sample.

    `inputs` identifies the row's column values, `value` is the text form, None for null;
    `place` and `input_place` are ranks in the type's order, where there is one.
    """

    inputs: str
    value: str | None
    size_bytes: float
    place: int = 0
    input_place: int = 0


def sample_of(statistics: ColumnStatistics | None, seed: str) -> tuple[Point, ...]:
    """SAMPLE_ROWS values in the proportions of the statistics, in an order that `seed` decides.

    Empty if the statistics hold no value.
    """
    if statistics is None:
        return ()
    points = [Point(None)] * round(statistics.null_frac * SAMPLE_ROWS)
    common = zip(
        statistics.most_common_values or (), statistics.most_common_freqs or (), strict=True
    )
    for value, frequency in common:
        points += [Point(value)] * max(round(frequency * SAMPLE_ROWS), 1)
    bounds = statistics.histogram_bounds or ()
    # Drawn at random, not at even steps: how often two values meet tells how many there are.
    chance = random.Random(seed)
    spans = list(pairwise(bounds))
    for _ in range(SAMPLE_ROWS - len(points) if spans else 0):
        low, high = chance.choice(spans)
        points.append(Point(low, high, chance.random()))
    if all(p.low is None for p in points):
        return ()
    chance.shuffle(points)
    return tuple((points * (SAMPLE_ROWS // len(points) + 1))[:SAMPLE_ROWS])


def statistics_of(
    outcomes: Sequence[Outcome], rows: float, input_distinct: float, correlation: float | None
) -> ColumnStatistics:
    """Statistics of an expression as ANALYZE would make them.

    Args:
        outcomes: the expression's values over a sample.
        rows: of the relation.
        input_distinct: distinct combinations of the columns it is computed from.
        correlation: of the only column it is computed from.
    """
    present = [o for o in outcomes if o.value is not None]
    null_frac = 1.0 - len(present) / max(len(outcomes), 1)
    if not present:
        return ColumnStatistics(False, null_frac, 1, 0.0)
    by_input = {o.inputs: o.value for o in present}
    seen = Counter(by_input.values())
    is_injective = len(seen) == len(by_input)
    distinct = input_distinct if is_injective else _haas_stokes(seen, len(by_input), input_distinct)
    share = 1.0 / len(outcomes)
    common = _most_common(present, distinct, share, is_injective=is_injective)
    rest = sorted((o for o in present if o.value not in common), key=lambda o: o.place)
    width = sum(o.size_bytes for o in present) / len(present)
    return ColumnStatistics(
        inherited=False,
        null_frac=null_frac,
        avg_width=max(round(width), 1),
        n_distinct=-distinct / rows if distinct > rows / 10 else max(round(distinct), 1),
        most_common_values=tuple(common) or None,
        most_common_freqs=tuple(common.values()) or None,
        histogram_bounds=_bounds(rest),
        correlation=None if correlation is None else correlation * _rank_correlation(present),
    )


def _haas_stokes(seen: Counter[str | None], sampled: int, population: float) -> float:
    """Distinct values by the Duj1 estimator, as ANALYZE uses it (compute_scalar_stats())."""
    once = sum(1 for count in seen.values() if count == 1)
    denominator = (sampled - once) + once * sampled / max(population, sampled)
    return min(sampled * len(seen) / max(denominator, 1.0), population)


def _most_common(
    present: Sequence[Outcome], distinct: float, share: float, *, is_injective: bool
) -> dict[str, float]:
    """Values with their frequencies, the most common first.

    Where every input has an output of its own, only what came from common inputs is common: a
    bound of a histogram stands for many values, and repeats in the sample for that reason.
    """
    weights = Counter(o.value for o in present if o.value is not None)
    average = len(present) / max(distinct, 1.0)
    least = max(1.25 * average, 2.0)
    if is_injective:
        least = max(least, 2.0 * len(present) / _BOUNDS)
    if not is_injective and distinct <= _MOST_COMMON:
        least = 0.0
    chosen = [(v, c) for v, c in weights.items() if c >= least]
    chosen.sort(key=lambda pair: (-pair[1], pair[0]))
    return {value: count * share for value, count in chosen[:_MOST_COMMON]}


def _bounds(rest: Sequence[Outcome]) -> tuple[str, ...] | None:
    values = [o.value for o in rest if o.value is not None]
    if len(set(values)) < 2:
        return None
    steps = min(_BOUNDS, len(values))
    return tuple(values[round(i * (len(values) - 1) / (steps - 1))] for i in range(steps))


def _rank_correlation(present: Sequence[Outcome]) -> float:
    """Pearson's correlation of the two ranks (Spearman's, ties in any order)."""
    count = len(present)
    mean_x = sum(o.input_place for o in present) / count
    mean_y = sum(o.place for o in present) / count
    covariance = sum((o.input_place - mean_x) * (o.place - mean_y) for o in present)
    variance_x = sum((o.input_place - mean_x) ** 2 for o in present)
    variance_y = sum((o.place - mean_y) ** 2 for o in present)
    spread = (variance_x * variance_y) ** 0.5
    return covariance / spread if spread else 0.0
