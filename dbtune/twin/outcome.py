"""Statistics of an expression, made of what it gave on a sample of rows. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dbtune.snapshot.catalog import ColumnStatistics

_MOST_COMMON = 100  # default_statistics_target
_BOUNDS = 101


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an expression made of one row of a sample.

    `inputs` identifies the row's column values, `value` is the text form, None for null; `rank` is
    the value's place in its type's order, `position` the row's in the relation.
    """

    inputs: str
    value: str | None
    size_bytes: float
    rank: int = 0
    position: int = 0


def statistics_of(
    outcomes: Sequence[Outcome], rows: float, input_distinct: float, *, is_sharp: bool
) -> ColumnStatistics:
    """Statistics of an expression as ANALYZE would make them.

    Args:
        outcomes: the expression's values over a sample.
        rows: of the relation.
        input_distinct: distinct combinations of the columns it is computed from.
        is_sharp: that repeats in the sample are repeats in the relation. Otherwise a bound of a
            histogram stands for many values, and the sample is worth no more than its inputs.
    """
    present = [o for o in outcomes if o.value is not None]
    null_frac = 1.0 - len(present) / max(len(outcomes), 1)
    if not present:
        return ColumnStatistics(False, null_frac, 1, 0.0)
    by_input = {o.inputs: o.value for o in present}
    weights = Counter(o.value for o in present if o.value is not None)
    if len(weights) == len(by_input):
        distinct = input_distinct
    elif is_sharp:
        distinct = _haas_stokes(weights, rows)
    else:
        distinct = _haas_stokes(Counter(v for v in by_input.values() if v), input_distinct)
    distinct = max(min(distinct, input_distinct, rows * (1.0 - null_frac)), 1.0)
    worth = len(outcomes) if is_sharp else max(round(len(by_input) / (1.0 - null_frac)), 1)
    shares = [(value, count / len(outcomes)) for value, count in weights.items()]
    common = _most_common(shares, distinct, rows, null_frac, worth, is_sharp=is_sharp)
    rest = sorted((o for o in present if o.value not in common), key=lambda o: o.rank)
    width = sum(o.size_bytes for o in present) / len(present)
    return ColumnStatistics(
        inherited=False,
        null_frac=null_frac,
        avg_width=max(round(width), 1),
        n_distinct=-distinct / rows if distinct > rows / 10 else max(round(distinct), 1),
        most_common_values=tuple(common) or None,
        most_common_freqs=tuple(common.values()) or None,
        histogram_bounds=_bounds(rest),
        correlation=_rank_correlation(present),
    )


def _haas_stokes(seen: Counter[str], population: float) -> float:
    """Distinct values by the Duj1 estimator, as ANALYZE uses it (compute_scalar_stats())."""
    once = sum(1 for count in seen.values() if count == 1)
    sampled = seen.total()
    denominator = (sampled - once) + once * sampled / max(population, sampled)
    return sampled * len(seen) / max(denominator, 1.0)


def _most_common(
    shares: list[tuple[str, float]],
    distinct: float,
    rows: float,
    null_frac: float,
    worth: int,
    *,
    is_sharp: bool,
) -> dict[str, float]:
    """Values with their frequencies, the most common first (analyze_mcv_list()).

    From the rarest on, those go that a sample of `worth` rows may show by chance as often as the
    rest on average, plus two standard deviations (hypergeometric).
    """
    shares = sorted((s for s in shares if s[1] * worth > 1), key=lambda s: (-s[1], s[0]))
    shares = shares[:_MOST_COMMON]
    if is_sharp and len(shares) >= distinct:
        return dict(shares)
    others = 1.0 - null_frac - sum(share for _, share in shares)
    while shares:
        share = shares[-1][1]
        average = (others + share) / max(distinct - len(shares) + 1, 1.0)
        variance = share * (1.0 - share) * worth * max(rows - worth, 0.0) / max(rows - 1, 1.0)
        if share * worth > average * worth + 2 * math.sqrt(variance) + 0.5:
            break
        others += share
        shares.pop()
    return dict(shares)


def _bounds(rest: Sequence[Outcome]) -> tuple[str, ...] | None:
    values = [o.value for o in rest if o.value is not None]
    if len(set(values)) < 2:
        return None
    steps = min(_BOUNDS, len(values))
    return tuple(values[round(i * (len(values) - 1) / (steps - 1))] for i in range(steps))


def _rank_correlation(present: Sequence[Outcome]) -> float:
    """Pearson's correlation of the values' ranks with the rows' positions, as ANALYZE has it."""
    count = len(present)
    mean_x = sum(o.position for o in present) / count
    mean_y = sum(o.rank for o in present) / count
    covariance = sum((o.position - mean_x) * (o.rank - mean_y) for o in present)
    variance_x = sum((o.position - mean_x) ** 2 for o in present)
    variance_y = sum((o.rank - mean_y) ** 2 for o in present)
    spread = math.sqrt(variance_x * variance_y)
    return covariance / spread if spread else 0.0
