"""Executions on the clock that all sessions share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.access.events import Event, events_of
from dbtune.traffic import Unit


@dataclass(frozen=True, slots=True)
class Placed:
    """An execution, when it ran, and the unit in which it did."""

    start_ms: float
    end_ms: float
    event: Event
    unit: Unit


def placed(unit: Unit) -> Iterator[Placed]:
    """The executions of a unit that are no part of a longer transaction."""
    for start, event in zip(unit.starts_ms, events_of(unit), strict=True):
        if event.transaction == -1:
            at = unit.begin_ms + start
            yield Placed(at, at + event.exec_ms, event, unit)
