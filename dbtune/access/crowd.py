"""Loops whose statements are spread over a pool's connections, told by time alone.

A client that takes a connection for each statement leaves no session that holds a request
together. But where rows of a parent lead to lookups, lookups crowd after each execution of the
parent and not before it; requests that only meet by chance crowd as much before it as after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from dbtune.access.events import Event, differs_by_key, events_of, is_same, varying
from dbtune.access.link import Link
from dbtune.access.loop import Loop, Shapes, loop_of
from dbtune.traffic import Unit

_LEAST_PARENTS = 3
"""Fewer executions of a parent say nothing of what follows it as a rule."""

_STANDARD_ERRORS = 3.0
"""On a busy server more may run after a parent than before it by chance; hardly by so much."""

_LEAST_PART = 0.5
"""Of what runs after a parent, so much at least is not there at other times."""

_MOMENTS = (0.25, 0.5, 1.0, 3.0)
"""How long a moment is, in longest waits of a loop: on a busy server what others do
shows less in a short one, and in a long one slow loops show."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A loop over several connections, and the unit in which its parent ran."""

    loop: Loop
    unit: Unit


@dataclass(frozen=True, slots=True)
class _Placed:
    """An execution on the clock that all sessions share."""

    start_ms: float
    end_ms: float
    event: Event
    unit: Unit


def spread_loops(units: Sequence[Unit], shapes: Shapes, known: Collection[int]) -> Iterator[Spread]:
    """The loops of all sessions together but of `known` children, each with its best parent."""
    by_shape: dict[int, list[_Placed]] = {}
    for unit in units:
        if unit.origin != "trace":
            for placed in _placed(unit):
                by_shape.setdefault(placed.event.shape, []).append(placed)
    for found in by_shape.values():
        found.sort(key=lambda placed: placed.start_ms)
    parents = [shape for shape in sorted(by_shape) if shapes.is_parent(shape)]
    for child in sorted(by_shape):
        enough = len(by_shape[child]) >= _LEAST_PARENTS * shapes.limits.least_runs
        if shapes.roles[child] != "lookup" or child in known or not enough:
            continue
        following = [
            best
            for parent in parents
            if parent != child and (link := shapes.link(parent, child))
            for part in _MOMENTS
            if (best := _Following(shapes, by_shape[parent], by_shape[child], link, part)).is_clear
        ]
        if following:
            yield from max(following, key=lambda one: one.rank).loops()


def _placed(unit: Unit) -> Iterator[_Placed]:
    for start, event in zip(unit.starts_ms, events_of(unit), strict=True):
        if event.transaction == -1:
            at = unit.begin_ms + start
            yield _Placed(at, at + event.exec_ms, event, unit)


def _is_spread(runs: Sequence[_Placed]) -> bool:
    units = {id(run.unit): run.unit for run in runs}.values()
    return len(units) > 1 or any(unit.origin == "pool" for unit in units)


class _Following:
    """What a child does in the moment after each execution of a parent, and in the one before."""

    def __init__(
        self,
        shapes: Shapes,
        parents: Sequence[_Placed],
        runs: Sequence[_Placed],
        link: Link,
        part: float,
    ) -> None:
        self._shapes, self._link = shapes, link
        moment_ms = shapes.limits.polling_wait_ms * part
        starts = [run.start_ms for run in runs]
        self._after: list[tuple[_Placed, Sequence[_Placed]]] = []
        excess, counts = [], []
        for parent in parents:
            # The log's clock ticks in whole milliseconds.
            begin = bisect_left(starts, parent.end_ms - 1)
            after = runs[begin : bisect_left(starts, parent.end_ms + moment_ms)]
            excess.append(len(after) - (begin - bisect_left(starts, parent.end_ms - moment_ms)))
            counts.append(len(after))
            if len(after) >= shapes.limits.least_runs:
                self._after.append((parent, after))
        self._mean_excess = fmean(excess)
        self._share = len(self._after) / len(parents)
        error = stdev(excess) / len(excess) ** 0.5 if len(excess) > 1 else 0.0
        self._is_enough = (
            len(parents) >= _LEAST_PARENTS
            and self._mean_excess >= _STANDARD_ERRORS * error
            and self._mean_excess >= _LEAST_PART * fmean(counts)
        )

    @property
    def rank(self) -> tuple[bool, float]:
        """The surest parent has the highest."""
        return self._link.kind == "foreign key", self._mean_excess

    @property
    def is_clear(self) -> bool:
        """True if the runs follow the parent as a rule, on whichever connection is free."""
        limits = self._shapes.limits
        spread = sum(1 for _, after in self._after if _is_spread(after))
        return (
            self._is_enough
            and self._mean_excess >= limits.least_runs * limits.least_followed
            and self._share >= limits.least_followed
            and spread * 2 > len(self._after)
            and self._is_by_link()
        )

    def _is_by_link(self) -> bool:
        """True if the values that differ are as a rule those to which the parent's rows lead."""
        fed = 0
        for _, after in self._after:
            runs = [run.event for run in after]
            outline = self._shapes.outlines[runs[0].shape]
            _, columns = varying(outline, runs)
            by_key = differs_by_key(outline, runs) and not is_same(runs)
            fed += by_key and self._link.column in columns
        return fed * 2 > len(self._after)

    def loops(self) -> Iterator[Spread]:
        """One loop for each execution of the parent that the child follows."""
        for parent, after in self._after:
            runs = [run.event for run in after]
            shape = parent.event.shape
            columns, _ = varying(self._shapes.outlines[runs[0].shape], runs)
            yield Spread(
                loop_of(
                    "lookup", runs, certain=False, fed=(shape, shape), link=self._link,
                    varying=columns,
                ),
                parent.unit,
            )  # fmt: skip
