"""Verdicts on timings whose truth is known."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtune.bench.stats import Effect, Judgement, Verdict, effect_of, total_ratio, verdicts
from dbtune.bench.timings import Rounds, Timings, distribution

QUICK = Judgement(resamples=500)


def simulated(
    random: Random, ratio: float, *, noise: float, rounds: int = 20, drifting: float = 0.2
) -> Timings:
    """Timings with drift shared by a round, noise of each, and now and then a hiccup."""
    base = [random.lognormvariate(0, 1) for _ in range(3)]
    drift = [random.lognormvariate(0, drifting) for _ in range(rounds)]

    def side(factor: float) -> Rounds:
        return tuple(
            tuple(
                b * factor * d * random.lognormvariate(0, noise)
                + (5.0 if random.random() < 0.02 else 0.0)
                for b in base
            )
            for d in drift
        )

    return Timings(side(1), side(ratio), side(1), (1.0, 1.0, 1.0))


def test_equal_sides_are_not_called_different() -> None:
    random = Random(1)
    found: Counter[Verdict] = Counter()
    for _ in range(10):
        effects = [effect_of(simulated(random, 1.0, noise=0.06), QUICK) for _ in range(15)]
        found.update(verdicts(effects, QUICK))
    assert found[Verdict.FASTER] + found[Verdict.SLOWER] <= 1  # of 150, 1 %
    assert found[Verdict.SAME] > 75


@pytest.mark.parametrize(("ratio", "expected"), [(1.2, Verdict.SLOWER), (0.8, Verdict.FASTER)])
def test_a_fifth_is_seen(ratio: float, expected: Verdict) -> None:
    random = Random(2)
    effects = [effect_of(simulated(random, ratio, noise=0.06), QUICK) for _ in range(40)]
    found = Counter(verdicts(effects, QUICK))
    assert found[expected] >= 38


def test_drift_that_a_round_shares_does_no_harm() -> None:
    random = Random(4)
    drifting = [simulated(random, 1.0, noise=0.02, rounds=12, drifting=0.3) for _ in range(40)]
    apart = [replace(t, interleaved=False, after=shuffled(random, t.after)) for t in drifting]
    same, seldom = (
        Counter(verdicts([effect_of(t, QUICK) for t in all_timings], QUICK))[Verdict.SAME]
        for all_timings in (drifting, apart)
    )
    assert same >= 32
    assert seldom <= 8


def shuffled(random: Random, rounds: Rounds) -> Rounds:
    """The same rounds, as if measured at another time."""
    return tuple(random.sample(rounds, len(rounds)))


def test_the_ratio_is_of_sums_where_sets_change_unlike() -> None:
    before, after = ((100.0, 10.0),) * 14, ((2.0, 10.0),) * 14
    for interleaved in (True, False):
        timings = Timings(before, after, before, (1.0, 3.0), interleaved)
        assert effect_of(timings, QUICK).ratio == pytest.approx(32 / 130)


def test_noise_is_called_noise() -> None:
    random = Random(3)
    effects = [effect_of(simulated(random, 1.05, noise=0.8), QUICK) for _ in range(10)]
    assert Counter(verdicts(effects, QUICK))[Verdict.TOO_NOISY] >= 9


def test_timings_without_any_noise() -> None:
    same = ((2.0,),) * 14
    half = ((1.0,),) * 14
    effects = [effect_of(Timings(same, s, same, (1.0,)), QUICK) for s in (same, half)]
    assert verdicts(effects, QUICK) == (Verdict.SAME, Verdict.FASTER)
    assert effects[1].low == effects[1].high == pytest.approx(0.5)


def test_a_microsecond_is_no_effect() -> None:
    effect = Effect(0.02, 1.10, 1.09, 1.11, 0.0001, 0.01, 30)
    assert verdicts([effect], Judgement()) == (Verdict.SAME,)
    unsure = Effect(0.02, 1.10, 0.60, 1.70, 0.4, 0.3, 30)
    assert verdicts([unsure], Judgement()) == (Verdict.TOO_NOISY,)
    assert verdicts([Effect(20.0, 1.10, 1.09, 1.11, 0.0001, 0.01, 30)], Judgement()) == (
        Verdict.SLOWER,
    )


def test_an_effect_must_leave_the_noise_floor() -> None:
    effect = Effect(10.0, 1.15, 1.12, 1.18, 0.0001, 0.2, 30)
    assert verdicts([effect], Judgement()) == (Verdict.TOO_NOISY,)


def test_many_statements_make_single_small_p_values_weak() -> None:
    weak = Effect(10.0, 1.2, 1.1, 1.3, 0.004, 0.02, 30)
    dull = Effect(10.0, 1.0, 0.99, 1.01, 0.9, 0.02, 30)
    assert verdicts([weak], Judgement())[0] is Verdict.SLOWER
    assert verdicts([weak, *[dull] * 50], Judgement())[0] is Verdict.TOO_NOISY


def test_no_statement_no_verdict() -> None:
    assert verdicts([], Judgement()) == ()
    assert total_ratio([], [], Judgement()) is None


def test_one_round_is_refused() -> None:
    one = ((1.0,),)
    with pytest.raises(ValueError, match="two rounds"):
        effect_of(Timings(one, one, one, (1.0,)), QUICK)


def test_the_total_follows_the_calls() -> None:
    slow = ((10.0,),) * 12
    quick = ((1.0,),) * 12
    cured, unchanged = Timings(slow, quick, slow, (1.0,)), Timings(quick, quick, quick, (1.0,))
    often = total_ratio([cured, unchanged], [100.0, 1.0], QUICK)
    seldom = total_ratio([cured, unchanged], [1.0, 100.0], QUICK)
    assert often is not None
    assert seldom is not None
    assert often.ratio == pytest.approx((100 * 1 + 1) / (100 * 10 + 1))
    assert seldom.ratio == pytest.approx((1 + 100) / (10 + 100))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.1, 100), min_size=8, max_size=16),
    st.floats(0.01, 100),
)
def test_units_do_not_matter(times: list[float], unit: float) -> None:
    before = tuple((t,) for t in times)
    after = tuple((t * 0.9,) for t in reversed(times))
    scaled = [tuple((t[0] * unit,) for t in side) for side in (before, after)]
    plain = effect_of(Timings(before, after, before, (1.0,)), QUICK)
    other = effect_of(Timings(scaled[0], scaled[1], scaled[0], (1.0,)), QUICK)
    assert other.ratio == pytest.approx(plain.ratio)
    assert math.isclose(other.p_value, plain.p_value, abs_tol=0.05)
    assert plain.low <= plain.ratio <= plain.high


def test_percentiles_weigh_parameter_sets() -> None:
    rounds = ((1.0, 100.0),) * 50
    assert distribution(rounds, (99.0, 1.0)).p95_ms == 1.0
    assert distribution(rounds, (1.0, 1.0)).p95_ms == 100.0
    assert distribution(rounds, (99.0, 1.0)).mean_ms == pytest.approx(1.99)
