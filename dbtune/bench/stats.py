"""What two rows of timings say: the ratio, how sure it is, and the verdict.

Timings come in rounds. A round holds one timing of every parameter set before the change, after
it, and before it `again`. Where the three stand close together in time and in random order, what
disturbs the machine disturbs all three: what counts is then the change within a round, after
against both timings before, for each parameter set the mean over the middle half of the rounds;
the statistic is the ratio of workload times, sets summed by weight, that these changes make. (A
machine whose speed drifts makes rounds unlike, but not the timings of one: this varies a third less
than what compares all timings of one side with all of the other.) Rounds in blocks share nothing:
there it is each set's mean over the faster half of its rounds, summed by weight, after over before,
since what disturbs only ever adds time.

A round is the unit that is resampled and exchanged: intervals are bias-corrected and accelerated
bootstraps (Efron 1987), p-values come from exchanging timings within rounds, both by scipy; over
many statements the false discovery rate is controlled (Benjamini and Hochberg 1995). `before`
against `again` is an A/A test: its interval is the noise floor that a change must leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING

from dbtune.bench.timings import Rounds, Timings

if TYPE_CHECKING:
    from dbtune.bench.compared import Sides


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


def effect_of(timings: Timings, judgement: Judgement) -> Effect:
    """The effect of a change on one statement.

    Raises:
        ValueError: fewer than two rounds.
    """
    # NumPy and SciPy take half a second that only bench should pay.
    from dbtune.bench.compared import compared, p_value_of, undisturbed_ms  # noqa: PLC0415

    if len(timings.before) < 2:
        raise ValueError("two rounds are the least that can be compared")
    sides = compared(timings)
    low, high, floor = _bounds(sides, judgement)
    return Effect(
        before_ms=undisturbed_ms(timings.before, timings.weights),
        ratio=math.exp(float(sides.change(sides.rounds))),
        low=math.exp(low),
        high=math.exp(high),
        p_value=p_value_of(sides, judgement.seed),
        noise_floor=math.expm1(floor),
        rounds=len(timings.before),
    )


def width_of(timings: Timings, judgement: Judgement) -> float:
    """How unsure the effect is: half its interval's width, or the noise floor if that is wider."""
    from dbtune.bench.compared import compared  # noqa: PLC0415

    sides = compared(timings)
    low, high, floor = _bounds(sides, judgement)
    point = float(sides.change(sides.rounds))
    return math.expm1(max(high - point, point - low, floor))


def _bounds(sides: Sides, judgement: Judgement) -> tuple[float, float, float]:
    """The interval of the log ratio, and the farther bound of what has not changed."""
    from dbtune.bench.compared import interval  # noqa: PLC0415

    low, high = interval(
        sides.change, sides, confidence=judgement.confidence,
        resamples=judgement.resamples, seed=judgement.seed,
    )  # fmt: skip
    same = interval(
        sides.floor, sides, confidence=judgement.noise_confidence,
        resamples=judgement.resamples, seed=judgement.seed,
    )  # fmt: skip
    return low, high, max(map(abs, same))


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

    def joined(side: str) -> Rounds:
        """A statement's parameter sets as one: of thousands the sum is all that matters."""
        return tuple(
            tuple(fmean(getattr(t, side)[number], t.weights) for t, _ in measured)
            for number in range(rounds)
        )

    weights = tuple(call for _, call in measured)
    interleaved = all(t.interleaved for t, _ in measured)
    return effect_of(
        Timings(joined("before"), joined("after"), joined("again"), weights, interleaved),
        judgement,
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
