"""Writes that a client sends in one round trip, and writes for each of which it waits."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dbtune.access.events import Event, longest_waits_ms
from dbtune.access.loop import Loop, loop_of
from dbtune.access.writes import is_one_round_trip

_LIMIT_MS = 0.07


def _loop(ends_ms: Iterable[float]) -> Loop:
    """A loop whose runs take 0.01 ms and end at these times, as a clock of milliseconds tells."""
    runs = [Event(0, 1, 0.01, 0.0, int(at), None) for at in ends_ms]
    return loop_of("write", runs, certain=True, waits_ms=longest_waits_ms(runs))


def _steady(wait_ms: float, runs: int, begin_ms: float = 0.0) -> list[float]:
    return [begin_ms + at * (wait_ms + 0.01) for at in range(runs)]


PIPELINES = {
    "steady": _steady(0.03, 40),
    "in heaps that a slow client fills": [
        at for heap in range(6) for at in _steady(0.03, 20, heap * 4.0)
    ],
    "after its statement was prepared": [0.0, *_steady(0.04, 30, 7.0)],
    "of a server that lost its processor twice": [
        *_steady(0.03, 15), *_steady(0.03, 15, 5.0), *_steady(0.03, 15, 20.0),
    ],
}  # fmt: skip
LOOPS = {
    "over a network": _steady(0.5, 20),
    "on the same machine": _steady(0.09, 40),
    "that was quick for a moment": [*_steady(0.25, 30), *_steady(0.03, 8, 9.0)],
    "that writes a row now and then": _steady(7.0, 20),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_is_one_round_trip(name: str) -> None:
    assert is_one_round_trip([_loop(PIPELINES[name])], _LIMIT_MS)


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_none(name: str) -> None:
    assert not is_one_round_trip([_loop(LOOPS[name])], _LIMIT_MS)


def test_one_pipeline_among_loops_clears_none() -> None:
    loops = [_loop(LOOPS["over a network"])] * 20
    assert not is_one_round_trip([*loops, _loop(PIPELINES["steady"])], _LIMIT_MS)
