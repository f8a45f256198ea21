"""Loops spread over a pool's connections, told by heaps: many runs of a lookup, then a pause.

Where a heap begins just after an execution of the same statement each time, and other statements
seldom do, that statement's rows lead to it, however rarely it is followed by a loop. Where every
other statement follows that one too, it is the heaps themselves that requests do not explain: one
lookup a request is met by chance among the other statements, seldom many times in a row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from dbtune.access.events import differs_by_key, is_same, varying
from dbtune.access.link import Link
from dbtune.access.loop import Shapes
from dbtune.access.placed import Placed

_LEAST_HEAPS = 3
"""What follows twice may do so by chance."""

_RUNS_PER_PARENT = 3
"""Requests that read one row by another's key make a heap as well, but with as many parents."""

_CHANCE = 1e-4
"""Among thousands of pairs of statements in a log, none is to be taken for one by chance."""

_CHANCE_UNLINKED = 1e-7
"""Where no name tells that the rows lead to the lookup, time alone must."""

_ALWAYS = 0.8
"""Heaps that chance does not explain come from the statement that so many of them follow."""

_COMPANY = 0.5
"""Requests in a row run their other statements in a row as well, each about as often."""

_LOOKED_AT = 2_000


@dataclass(frozen=True)
class Heaps:
    """The heaps of a child that follow executions of a parent within a moment.

    `share` is their part of all heaps, `chance` how probable it is that so many follow unrelated,
    and `heaped` that single lookups come to lie in such heaps.
    """

    link: Link | None
    followed: Sequence[tuple[Placed, Sequence[Placed]]]
    share: float
    chance: float
    heaped: float = 1.0

    def is_clear(self, shapes: Shapes) -> bool:
        """True if chance does not explain that the heaps follow the parent."""
        if self.link and self.heaped <= _CHANCE and self.share >= _ALWAYS:
            return True
        limit = _CHANCE if self.link else _CHANCE_UNLINKED
        return self.chance <= limit and self.share >= shapes.limits.least_followed


class Clock:
    """All executions by shape, and how often other statements begin just after one of them."""

    def __init__(self, shapes: Shapes, by_shape: Mapping[int, Sequence[Placed]]) -> None:
        self._shapes, self._by_shape = shapes, by_shape
        self._near: dict[tuple[int, float], Counter[int]] = {}
        self._parts: dict[tuple[int, int, float], tuple[Sequence[Sequence[Placed]], int]] = {}
        self._crowds: dict[float, float] = {}

    @cached_property
    def _sample(self) -> Sequence[tuple[int, float]]:
        """Shape and start of executions, evenly taken from all."""
        every = [(shape, run.start_ms) for shape, runs in self._by_shape.items() for run in runs]
        return list(islice(every, 0, None, 1 + len(every) // _LOOKED_AT))

    @cached_property
    def _counts(self) -> Counter[int]:
        return Counter(shape for shape, _ in self._sample)

    @cached_property
    def _executions(self) -> dict[int, dict[float, Placed]]:
        return {s: {run.end_ms: run for run in runs} for s, runs in self._by_shape.items()}

    @cached_property
    def _ends(self) -> dict[int, list[float]]:
        return {s: sorted(run.end_ms for run in runs) for s, runs in self._by_shape.items()}

    def last_before(self, shape: int, at_ms: float, moment_ms: float) -> float | None:
        """When the shape last ended before a time, if within a moment; the clock ticks in ms."""
        ends = self._ends[shape]
        place = bisect_right(ends, at_ms + 1) - 1
        return ends[place] if place >= 0 and ends[place] >= at_ms - moment_ms else None

    def _times(self, shape: int, begin_ms: float, end_ms: float) -> int:
        """How often the shape ended from one time to another."""
        ends = self._ends[shape]
        return bisect_right(ends, end_ms) - bisect_left(ends, begin_ms)

    def chance(self, parent: int, child: int, moment_ms: float) -> float:
        """The share of other statements that begin within a moment after the parent."""
        place = (parent, moment_ms)
        if place not in self._near:
            self._near[place] = Counter(
                shape
                for shape, at in self._sample
                if self.last_before(parent, at, moment_ms) is not None
            )
        near = self._near[place]
        others = self._counts.total() - self._counts[child] - self._counts[parent]
        return (near.total() - near[child] - near[parent] + 1) / (others + 1)

    def heaps(
        self, parent: int, child: int, link: Link | None, *, least: int, moment_ms: float
    ) -> Heaps:
        """The child's heaps of so many different runs, and those of them that follow the parent."""
        heaps, _ = self._long_parts(child, least, moment_ms)
        if len(heaps) < _LEAST_HEAPS:
            return Heaps(link, (), 0.0, 1.0)
        heaped = self._heaped(child, least, moment_ms)
        heaps = [heap for heap in heaps if is_by_link(self._shapes, link, heap)]
        followed = [
            (self._executions[parent][end], heap)
            for heap in heaps
            if (end := self.last_before(parent, heap[0].start_ms, moment_ms)) is not None
            and self._times(parent, end, heap[-1].start_ms) * _RUNS_PER_PARENT <= len(heap)
        ]
        chance = 1.0
        if len(followed) >= _LEAST_HEAPS:
            chance = _so_many(len(followed), len(heaps), self.chance(parent, child, moment_ms))
        return Heaps(link, followed, len(followed) / max(1, len(heaps)), chance, heaped)

    def alone(self, child: int, *, least: int, moment_ms: float) -> Sequence[Sequence[Placed]]:
        """Heaps of different keys that neither chance nor requests in a row explain."""
        heaps, _ = self._long_parts(child, least, moment_ms)
        if len(heaps) < _LEAST_HEAPS or self._heaped(child, least, moment_ms) > _CHANCE:
            return ()
        pure = [h for h in heaps if is_by_link(self._shapes, None, h) and not self._has_company(h)]
        return pure if len(pure) >= max(_LEAST_HEAPS, _ALWAYS * len(heaps)) else ()

    def _long_parts(
        self, child: int, least: int, moment_ms: float
    ) -> tuple[Sequence[Sequence[Placed]], int]:
        """The parts of so many executions, and how many parts there are."""
        place = (child, least, moment_ms)
        if place not in self._parts:
            every = list(_split(self._by_shape[child], moment_ms))
            self._parts[place] = [part for part in every if len(part) >= least], len(every)
        return self._parts[place]

    def _heaped(self, child: int, least: int, moment_ms: float) -> float:
        """How probable so many heaps are, if any execution is the child's by its share alone."""
        long, parts = self._long_parts(child, least, moment_ms)
        starts, _ = self._all
        share = len(self._by_shape[child]) / len(starts)
        again = 1.0 - (1.0 - share) ** self._crowd(moment_ms)
        return _so_many(len(long), parts, again ** (least - 1))

    def _crowd(self, moment_ms: float) -> float:
        """How many executions begin within a moment after one, on the average."""
        if moment_ms not in self._crowds:
            starts, _ = self._all
            sample = starts[:: 1 + len(starts) // _LOOKED_AT]
            begun = (bisect_right(starts, t + moment_ms) - bisect_right(starts, t) for t in sample)
            self._crowds[moment_ms] = sum(begun) / len(sample)
        return self._crowds[moment_ms]

    def _has_company(self, heap: Sequence[Placed]) -> bool:
        """True if another lookup ran about as often in the same time."""
        starts, shapes = self._all
        begin, end = (bisect_left(starts, heap[at].start_ms) for at in (0, -1))
        counts = Counter(shapes[begin:end])
        own = heap[0].event.shape
        return any(
            count >= _COMPANY * len(heap) and self._shapes.roles[shape] == "lookup"
            for shape, count in counts.items()
            if shape != own
        )

    @cached_property
    def _all(self) -> tuple[Sequence[float], Sequence[int]]:
        """When all executions began, ascending, and their shapes."""
        every = sorted((run.start_ms, s) for s, runs in self._by_shape.items() for run in runs)
        return [at for at, _ in every], [shape for _, shape in every]


def _so_many(found: int, tries: int, once: float) -> float:
    """The probability of so many or more."""
    from scipy.special import bdtrc  # noqa: PLC0415 - 0.4 s that few logs need

    return float(bdtrc(found - 1, tries, once))


def is_by_link(shapes: Shapes, link: Link | None, part: Sequence[Placed]) -> bool:
    """True if the values that differ between the runs are those to which a parent's rows lead."""
    runs = [run.event for run in part]
    outline = shapes.outlines[runs[0].shape]
    _, columns = varying(outline, runs)
    by_key = differs_by_key(outline, runs) and not is_same(runs)
    return by_key and (link is None or link.column in columns)


def _split(runs: Sequence[Placed], pause_ms: float) -> Iterator[list[Placed]]:
    """Runs in the order of their starts, split where nothing ran for as long as a pause."""
    heap: list[Placed] = []
    until = 0.0
    for run in runs:
        if heap and run.start_ms > until + pause_ms:
            yield heap
            heap = []
        heap.append(run)
        until = max(until, run.end_ms) if len(heap) > 1 else run.end_ms
    if heap:
        yield heap
