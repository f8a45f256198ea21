"""How fast statements were between two snapshots of one server's counters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dbtune.snapshot.model import Snapshot
from dbtune.statement.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Comparison:
    """One statement's mean time in the first round of traffic and in the second."""

    text: str
    before_ms: float
    after_ms: float

    @property
    def ratio(self) -> float:
        return self.before_ms / self.after_ms if self.after_ms else float("inf")


def compare_rounds(
    first: Snapshot, between: Snapshot, last: Snapshot, fingerprints: Collection[str]
) -> tuple[Comparison, ...]:
    """The named statements' mean times, those that gained most first.

    Args:
        first: taken after the first round of traffic, on counters that began with it.
        between: taken before the second round.
        last: taken after it; counters are never reset, so the round is the difference.
        fingerprints: the statements to compare; those not run in both rounds are left out.
    """
    before, start, end = _totals(first), _totals(between), _totals(last)
    compared = []
    for name in fingerprints:
        if name not in before or name not in end:
            continue
        calls = end[name].calls - (start[name].calls if name in start else 0)
        total_ms = end[name].total_ms - (start[name].total_ms if name in start else 0.0)
        if calls > 0 and before[name].calls > 0:
            mean_ms = before[name].total_ms / before[name].calls
            compared.append(Comparison(before[name].text, mean_ms, total_ms / calls))
    return tuple(sorted(compared, key=lambda c: c.after_ms - c.before_ms))


@dataclass(frozen=True, slots=True)
class _Total:
    text: str
    calls: int
    total_ms: float


def _totals(snapshot: Snapshot) -> dict[str, _Total]:
    totals: dict[str, _Total] = {}
    for s in snapshot.statements:
        name = fingerprint(s.text)
        known = totals.get(name, _Total(s.text, 0, 0.0))
        totals[name] = _Total(s.text, known.calls + s.calls, known.total_ms + s.total_exec_ms)
    return totals
