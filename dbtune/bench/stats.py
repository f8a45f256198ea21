"""What two rows of timings say: the ratio, how sure it is, and the verdict.

Timings come in rounds. A round holds one timing of every parameter set before the change, after
it, and before it `again`; the three stand close together in time and in random order, so what
disturbs the machine disturbs all three. A round is therefore the unit that is resampled and
exchanged. The statistic is the ratio of workload times: each parameter set's mean over the faster
half of its rounds, summed by weight, after over before. (What disturbs only ever adds time: on a
busy machine this varies a quarter less than the median.) Intervals are bias-corrected and
accelerated bootstraps (Efron 1987), p-values come from exchanging before and after within rounds,
both by scipy; over many statements the false discovery rate is controlled (Benjamini and Hochberg
1995).
`before` against `again` is an A/A test: its interval is the noise floor that a change must leave.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rounds = tuple[tuple[float, ...], ...]
"""Milliseconds: one tuple a round, one timing a parameter set."""


class Verdict(StrEnum):
    """What may be said of a statement."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    TOO_NOISY = "too noisy"


@dataclass(frozen=True, slots=True)
class Judgement:
    """From which evidence on something is said.

    `minimum_effect` is the relative change below which nobody cares, `minimum_ms` the absolute
    one (an index more to plan with costs microseconds). Two times are the same if the interval
    lies within `same_within` or `same_within_ms` of no change. `false_discoveries` is the
    tolerated share of wrong calls among the statements called faster or slower,
    `noise_confidence` how sure the noise floor is not higher; permutation test and interval guard
    against chance, the floor against what the two cannot see: a machine that treats equal work
    unequally.
    """

    minimum_effect: float = 0.05
    minimum_ms: float = 0.005
    same_within: float = 0.10
    same_within_ms: float = 0.010
    false_discoveries: float = 0.01
    confidence: float = 0.95
    noise_confidence: float = 0.80
    resamples: int = 2000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Timings:
    """The rounds of one statement; `weights` says how often each parameter set is sent."""

    before: Rounds
    after: Rounds
    again: Rounds
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """Time after over time before, with its interval and p-value; 0.5 is twice as fast.

    `before_ms` is the statistic's own figure for before, one parameter set's time on average.
    `noise_floor` is the relative change that the same code shows against itself here.
    """

    before_ms: float
    ratio: float
    low: float
    high: float
    p_value: float
    noise_floor: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Percentiles of one side's timings in milliseconds, parameter sets by their weights."""

    median_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float


def effect_of(timings: Timings, judgement: Judgement) -> Effect:
    """The effect of a change on one statement.

    Raises:
        ValueError: fewer than two rounds.
    """
    import numpy as np  # noqa: PLC0415 - half a second that only bench should pay

    if len(timings.before) < 2:
        raise ValueError("two rounds are the least that can be compared")
    weights = np.asarray(timings.weights)
    before, after, again = (
        np.asarray(r, dtype=float) for r in (timings.before, timings.after, timings.again)
    )
    low, high = _interval(before, after, weights, judgement)
    same_low, same_high = _interval(
        before, again, weights, replace(judgement, confidence=judgement.noise_confidence)
    )
    return Effect(
        before_ms=float(_undisturbed(before) @ weights / weights.sum()),
        ratio=math.exp(float(_log_ratio(before, after, weights))),
        low=math.exp(low),
        high=math.exp(high),
        p_value=_p_value(before, after, weights, judgement),
        noise_floor=math.expm1(max(abs(same_low), abs(same_high))),
        rounds=len(timings.before),
    )


def verdicts(effects: Sequence[Effect], judgement: Judgement) -> tuple[Verdict, ...]:
    """The verdict on each of the statements that were measured together."""
    if not effects:
        return ()
    from scipy.stats import false_discovery_control  # noqa: PLC0415

    adjusted = false_discovery_control([e.p_value for e in effects])
    return tuple(
        _verdict(effect, bool(p <= judgement.false_discoveries), judgement)
        for effect, p in zip(effects, adjusted, strict=True)
    )


def distribution(rounds: Rounds, weights: Sequence[float]) -> Distribution:
    """Percentiles over all timings of one side."""
    import numpy as np  # noqa: PLC0415

    values = np.asarray(rounds, dtype=float)
    flat = values.ravel()
    share = np.tile(np.asarray(weights) / sum(weights), len(values)) / len(values)

    def percentile(q: float) -> float:
        result = np.percentile(flat, q, weights=share, method="inverted_cdf")
        return float(result)

    return Distribution(
        percentile(50), percentile(95), percentile(99), float(np.average(flat, weights=share))
    )


def total_ratio(
    all_timings: Sequence[Timings], calls: Sequence[float], judgement: Judgement
) -> Effect | None:
    """The effect on a whole workload: each statement's time weighted by its calls.

    Statements may differ in their number of rounds; the shortest decides.
    """
    measured = [(t, c) for t, c in zip(all_timings, calls, strict=True) if len(t.before) >= 2]
    if not measured:
        return None
    rounds = min(len(t.before) for t, _ in measured)
    weights = tuple(call * weight / sum(t.weights) for t, call in measured for weight in t.weights)

    def joined(side: str) -> Rounds:
        return tuple(
            tuple(ms for t, _ in measured for ms in getattr(t, side)[number])
            for number in range(rounds)
        )

    return effect_of(
        Timings(joined("before"), joined("after"), joined("again"), weights), judgement
    )


def _verdict(effect: Effect, significant: bool, judgement: Judgement) -> Verdict:
    least = max(
        judgement.minimum_effect, effect.noise_floor, judgement.minimum_ms / effect.before_ms
    )
    threshold = math.log1p(least)
    interval_excludes_one = effect.high < 1 or effect.low > 1
    if significant and interval_excludes_one and abs(math.log(effect.ratio)) >= threshold:
        return Verdict.FASTER if effect.ratio < 1 else Verdict.SLOWER
    margin = 1 + max(judgement.same_within, judgement.same_within_ms / effect.before_ms)
    if 1 / margin <= effect.low and effect.high <= margin:
        return Verdict.SAME
    return Verdict.TOO_NOISY


def _log_ratio(
    first: NDArray[np.float64], second: NDArray[np.float64], weights: NDArray[np.float64]
) -> Any:
    """The statistic; arrays are (…, rounds, parameter sets)."""
    import numpy as np  # noqa: PLC0415

    return np.log((_undisturbed(second) @ weights) / (_undisturbed(first) @ weights))


def _undisturbed(rounds: NDArray[np.float64]) -> Any:
    """The mean of each parameter set's faster half: (…, rounds, sets) → (…, sets)."""
    import numpy as np  # noqa: PLC0415

    faster_half = np.sort(rounds, axis=-2)[..., : (rounds.shape[-2] + 1) // 2, :]
    return faster_half.mean(axis=-2)


def _interval(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    weights: NDArray[np.float64],
    judgement: Judgement,
) -> tuple[float, float]:
    """Bounds of the log ratio, from resampled rounds."""
    import numpy as np  # noqa: PLC0415
    from scipy.stats import bootstrap  # noqa: PLC0415

    def statistic(chosen: NDArray[np.int64], axis: int = -1) -> Any:
        del axis  # always the last: rounds
        return _log_ratio(first[chosen], second[chosen], weights)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of degenerate data, which the check below sees
        found = bootstrap(
            (np.arange(len(first)),), statistic, n_resamples=judgement.resamples, vectorized=True,
            confidence_level=judgement.confidence, method="BCa", axis=-1,
            rng=np.random.default_rng(judgement.seed),
        ).confidence_interval  # fmt: skip
    point = float(_log_ratio(first, second, weights))
    # Equal timings in every round leave nothing to resample: the point is the interval.
    low = float(found.low) if math.isfinite(found.low) else point
    high = float(found.high) if math.isfinite(found.high) else point
    return min(low, point), max(high, point)


def _p_value(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    weights: NDArray[np.float64],
    judgement: Judgement,
) -> float:
    """Two-sided, by exchanging before and after within rounds; refined where it is small."""
    import numpy as np  # noqa: PLC0415
    from scipy.stats import permutation_test  # noqa: PLC0415

    stacked = np.concatenate([before, after])
    rounds = np.arange(len(before))

    def statistic(first: NDArray[np.int64], second: NDArray[np.int64], axis: int = -1) -> Any:
        del axis  # always the last: rounds
        return _log_ratio(stacked[first], stacked[second], weights)

    p_value = 1.0
    for resamples in (999, 19_999):
        found = permutation_test(
            (rounds, rounds + len(before)), statistic, permutation_type="samples", vectorized=True,
            n_resamples=resamples, batch=1000, axis=-1, rng=np.random.default_rng(judgement.seed),
        )  # fmt: skip
        p_value = float(found.pvalue)
        if p_value > 0.02:
            break
    return p_value
