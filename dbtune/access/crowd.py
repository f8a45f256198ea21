"""Loops whose statements are spread over a pool's connections, told by time alone.

A client that takes a connection for each statement leaves no session that holds a request
together. But where rows of a parent lead to lookups, lookups come in heaps, each just after an
execution of the parent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from dbtune.access.events import varying
from dbtune.access.heaps import Clock, Heaps
from dbtune.access.link import Link
from dbtune.access.loop import Loop, Shapes, loop_of
from dbtune.access.placed import Placed, placed
from dbtune.traffic import Unit

_MOMENTS = (0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
"""How long a moment is, in longest waits of a loop: on a busy server heaps part in short ones only,
and slow loops hold together in long ones only."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A loop over several connections, and the unit in which its parent ran."""

    loop: Loop
    unit: Unit


def spread_loops(
    units: Sequence[Unit], shapes: Shapes, known: Collection[int], written: frozenset[str]
) -> Iterator[Spread]:
    """The loops of all sessions together but of `known` children, each with its best parent.

    `written` are relations that loops write to: lookups of what is not there yet come with them.
    """
    by_shape: dict[int, list[Placed]] = {}
    for unit in units:
        if unit.origin != "trace":
            for run in placed(unit):
                by_shape.setdefault(run.event.shape, []).append(run)
    for found in by_shape.values():
        found.sort(key=lambda run: run.start_ms)
    clock = Clock(shapes, by_shape)
    parents = [shape for shape in sorted(by_shape) if shapes.is_parent(shape)]
    for child in sorted(by_shape):
        if shapes.roles[child] != "lookup" or child in known:
            continue
        linked = [
            (parent, link)
            for parent in parents
            if parent != child and (link := shapes.link(parent, child))
        ]
        surest = _surest(shapes, clock, child, linked, parents)
        if surest:
            yield from _loops(shapes, surest.link, surest.followed)
        elif written.isdisjoint(shapes.outlines[child].relations[:1]):
            yield from _alone(shapes, clock, child)


def _surest(
    shapes: Shapes,
    clock: Clock,
    child: int,
    linked: Sequence[tuple[int, Link]],
    parents: Sequence[int],
) -> Heaps | None:
    """The child's heaps after the parent that chance explains least; best one with a link."""
    limits = shapes.limits
    alone = shapes.links.finds_one(shapes.outlines[child])
    unlinked = [(parent, None) for parent in parents if parent != child] if alone else []
    for pairs, least in ((linked, limits.least_runs), (unlinked, limits.least_runs_alone)):
        clear = [
            heaps
            for parent, link in pairs
            for part in _MOMENTS
            if (
                heaps := clock.heaps(
                    parent, child, link, least=least, moment_ms=part * limits.polling_wait_ms
                )
            ).is_clear(shapes)
        ]
        if clear:
            return min(clear, key=_doubt)
    return None


def _alone(shapes: Shapes, clock: Clock, child: int) -> Iterator[Spread]:
    """Loops of lookups by key that no statement before explains."""
    if not shapes.links.finds_one(shapes.outlines[child]):
        return
    limits = shapes.limits
    for part in _MOMENTS:
        moment_ms = part * limits.polling_wait_ms
        heaps = clock.alone(child, least=limits.least_runs_alone, moment_ms=moment_ms)
        for heap in heaps:
            runs = [run.event for run in heap]
            columns, _ = varying(shapes.outlines[child], runs)
            yield Spread(loop_of("lookup", runs, certain=False, varying=columns), heap[0].unit)
        if heaps:
            return


def _doubt(heaps: Heaps) -> tuple[bool, float]:
    return heaps.link is None or heaps.link.kind != "foreign key", heaps.chance


def _loops(
    shapes: Shapes, link: Link | None, followed: Sequence[tuple[Placed, Sequence[Placed]]]
) -> Iterator[Spread]:
    for parent, after in followed:
        runs = [run.event for run in after]
        shape = parent.event.shape
        columns, _ = varying(shapes.outlines[runs[0].shape], runs)
        yield Spread(
            loop_of("lookup", runs, certain=False, fed=(shape, shape), link=link, varying=columns),
            parent.unit,
        )
