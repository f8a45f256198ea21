"""Two sides of a measurement as one statistic: the log ratio of their times, from some rounds.

Imported where something is judged: NumPy and SciPy take half a second that only bench should pay.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, permutation_test, trim_mean

from dbtune.bench.timings import Rounds, Timings

Array = NDArray[np.float64]
Chosen = NDArray[np.int64]
"""Numbers of rounds: (…, rounds)."""

MOST_TIMINGS = 2_000_000
"""How many timings are resampled at once."""


@dataclass(frozen=True, slots=True)
class Sides(ABC):
    """The rounds of a statement before the change, after it, and before it again.

    The arrays are (rounds, parameter sets).
    """

    before: Array
    after: Array
    again: Array
    weights: Array

    @property
    def rounds(self) -> Chosen:
        """All rounds."""
        return np.arange(len(self.before))

    @abstractmethod
    def change(self, rounds: Chosen) -> Any:
        """The log ratio of after to before, from these rounds: (…, rounds) → (…)."""

    @abstractmethod
    def floor(self, rounds: Chosen) -> Any:
        """The same of before again to before."""

    @abstractmethod
    def p_value(self, resamples: int, seed: int) -> float:
        """Two-sided, of no change: timings are exchanged within rounds."""


@dataclass(frozen=True, slots=True)
class Paired(Sides):
    """Rounds whose three timings stand close together: what matters is the change in each.

    The arrays hold logarithms.
    """

    def change(self, rounds: Chosen) -> Any:
        """The change within a round, against both timings before it."""
        return self._change(self.before[rounds], self.again[rounds], self.after[rounds])

    def floor(self, rounds: Chosen) -> Any:
        """What two timings before the change differ by within a round."""
        before, again = self.before[rounds], self.again[rounds]
        return self._log_ratio(again - before, (before + again) / 2, 1 / 2)

    def p_value(self, resamples: int, seed: int) -> float:
        """Any of a round's three timings might as well be the one after."""
        stacked = np.concatenate([self.before, self.again, self.after])
        count = len(self.before)

        def change(before: Chosen, again: Chosen, after: Chosen) -> Any:
            return self._change(stacked[before], stacked[again], stacked[after])

        samples = (self.rounds, self.rounds + count, self.rounds + 2 * count)
        return _permuted(samples, change, resamples, seed, self.before.size)

    def _change(self, before: Array, again: Array, after: Array) -> Any:
        return self._log_ratio(after - (before + again) / 2, (before + again + after) / 3, 1 / 3)

    def _log_ratio(self, changes: Array, levels: Array, share: float) -> Any:
        """The log ratio of workload times; a set's level holds `share` of its change."""
        change, level = _midmean(changes), _midmean(levels)
        after = np.exp(level + (1 - share) * change) @ self.weights
        return np.log(after / (np.exp(level - share * change) @ self.weights))


@dataclass(frozen=True, slots=True)
class Apart(Sides):
    """Rounds measured in blocks: a round's number says nothing of when it was."""

    def change(self, rounds: Chosen) -> Any:
        """From one block to the other."""
        return self._log_ratio(self.before[rounds], self.after[rounds])

    def floor(self, rounds: Chosen) -> Any:
        """From one block before the change to the other."""
        return self._log_ratio(self.before[rounds], self.again[rounds])

    def p_value(self, resamples: int, seed: int) -> float:
        """A round's timings before and after change places, all parameter sets together."""
        stacked = np.concatenate([self.before, self.after])

        def ratio(first: Chosen, second: Chosen) -> Any:
            return self._log_ratio(stacked[first], stacked[second])

        samples = (self.rounds, self.rounds + len(self.before))
        return _permuted(samples, ratio, resamples, seed, self.before.size)

    def _log_ratio(self, first: Array, second: Array) -> Any:
        return np.log((_undisturbed(second) @ self.weights) / (_undisturbed(first) @ self.weights))


def compared(timings: Timings) -> Sides:
    """The rounds of a statement as they can be compared."""
    weights = np.asarray(timings.weights)
    before, after, again = (
        np.asarray(r, dtype=float) for r in (timings.before, timings.after, timings.again)
    )
    if timings.interleaved:
        return Paired(np.log(before), np.log(after), np.log(again), weights)
    return Apart(before, after, again, weights)


def undisturbed_ms(rounds: Rounds, weights: Sequence[float]) -> float:
    """A parameter set's time on average, over the faster half of its rounds."""
    return float(np.average(_undisturbed(np.asarray(rounds)), weights=weights))


def interval(
    statistic: Callable[[Chosen], Any],
    sides: Sides,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """Bounds of a log ratio, from resampled rounds."""
    rounds = sides.rounds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of degenerate data, which the check below sees
        found = bootstrap(
            (rounds,), _of_last_axis(statistic), n_resamples=resamples, vectorized=True,
            confidence_level=confidence, method="BCa", axis=-1, batch=_batch(sides.before.size),
            rng=np.random.default_rng(seed),
        ).confidence_interval  # fmt: skip
    point = float(statistic(rounds))
    # Equal timings in every round leave nothing to resample: the point is the interval.
    low = float(found.low) if math.isfinite(found.low) else point
    high = float(found.high) if math.isfinite(found.high) else point
    return min(low, point), max(high, point)


def p_value_of(sides: Sides, seed: int) -> float:
    """Two-sided, of no change; refined where it is small."""
    p_value = 1.0
    for resamples in (999, 19_999):
        p_value = sides.p_value(resamples, seed)
        if p_value > 0.02:
            break
    return p_value


def _permuted(
    samples: Sequence[Chosen],
    statistic: Callable[..., Any],
    resamples: int,
    seed: int,
    size: int,
) -> float:
    found = permutation_test(
        samples, _of_last_axis(statistic), permutation_type="samples", vectorized=True,
        n_resamples=resamples, batch=_batch(size), axis=-1, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.pvalue)


def _batch(size: int) -> int:
    """How many resamples of so many timings fit into some ten megabytes."""
    return max(1, min(1000, MOST_TIMINGS // max(size, 1)))


def _of_last_axis(statistic: Callable[..., Any]) -> Callable[..., Any]:
    """As scipy calls statistics; the axis is always the last: rounds."""

    def called(*samples: NDArray[Any], axis: int = -1) -> Any:
        del axis
        return statistic(*samples)

    return called


def _midmean(values: Array) -> Any:
    """The mean of each parameter set's middle half of rounds: (…, rounds, sets) → (…, sets)."""
    return trim_mean(values, 0.25, axis=-2)


def _undisturbed(rounds: Array) -> Any:
    """The mean of each parameter set's faster half: (…, rounds, sets) → (…, sets)."""
    faster_half = np.sort(rounds, axis=-2)[..., : (rounds.shape[-2] + 1) // 2, :]
    return faster_half.mean(axis=-2)
