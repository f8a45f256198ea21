"""What was timed: rounds of one statement, and their percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Rounds = tuple[tuple[float, ...], ...]
"""Milliseconds: one tuple a round, one timing a parameter set."""


@dataclass(frozen=True, slots=True)
class Timings:
    """The rounds of one statement; `weights` says how often each parameter set is sent.

    `interleaved` if a round's three timings were taken one right after the other.
    """

    before: Rounds
    after: Rounds
    again: Rounds
    weights: tuple[float, ...]
    interleaved: bool = True


@dataclass(frozen=True, slots=True)
class Distribution:
    """Percentiles of one side's timings in milliseconds, parameter sets by their weights."""

    median_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float


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
