"""Targets that the user sets: "p95<50ms", "index_usage>95%", "cache_hit>99%", "throughput>500"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dbtune.errors import BadInput

KPIS: Mapping[str, str] = {
    "median": "median time of a statement",
    "p95": "95th percentile of statement times",
    "p99": "99th percentile of statement times",
    "total": "time of the whole workload",
    "index_usage": "table accesses that go through an index",
    "cache_hit": "blocks found in shared buffers",
    "throughput": "transactions per second under load",
    "load_p95": "95th percentile of transactions under load",
    "pool": "connections that suited best",
}
"""What a target can name, and what it means."""

_TARGET = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([\d.]+)\s*(ms|s|%|/s)?\s*\Z")
_SCALE = {"ms": 1.0, "s": 1000.0, "%": 0.01, "/s": 1.0, None: 1.0}


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure; milliseconds, shares of 1, or plain numbers."""

    kpi: str
    operator: str
    bound: float
    text: str

    def met_by(self, value: float) -> bool:
        """True if the value lies on the wanted side."""
        match self.operator:
            case "<":
                return value < self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
            case _:
                return value >= self.bound


@dataclass(frozen=True, slots=True)
class TargetResult:
    """A target beside what was measured; None where nothing was."""

    target: Target
    before: float | None
    after: float | None

    @property
    def is_met(self) -> bool | None:
        return None if self.after is None else self.target.met_by(self.after)


def read_target(text: str) -> Target:
    """A target as the user writes it.

    Raises:
        BadInput: not a target, or not a figure that dbtune measures.
    """
    found = _TARGET.match(text)
    if not found or found[1] not in KPIS:
        raise BadInput(
            f"{text!r} is not a target.",
            f'Write for example --target "p95<50ms"; figures: {", ".join(KPIS)}.',
        )
    return Target(found[1], found[2], float(found[3]) * _SCALE[found[4]], text.strip())


def judge_targets(
    targets: tuple[Target, ...], before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[TargetResult, ...]:
    """Targets beside the figures of both sides."""
    return tuple(TargetResult(t, before.get(t.kpi), after.get(t.kpi)) for t in targets)
