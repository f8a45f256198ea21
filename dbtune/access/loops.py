"""Loops inside one unit of work: what repeats, with how many values, fed by which statement.

Two kinds of stretches are looked at. A transaction or a trace is one piece of work for certain:
there a repetition is enough. A session between transactions may serve several requests in a row:
there a loop must also follow its parent at once, and everything in it must be explained by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dbtune.access.events import (
    Columns,
    Event,
    by_shape,
    differs_by_key,
    events_of,
    is_same,
    split_at,
    varying,
)
from dbtune.access.link import Link
from dbtune.access.loop import Loop, Shapes, loop_of
from dbtune.access.writes import write_loops
from dbtune.traffic import Unit

_SMALL_TRANSACTION = 4
_PARENTS_PER_RUN = 3
"""A parent runs at most a third as often as what its rows feed."""


@dataclass(frozen=True, slots=True)
class Group:
    """How often a lookup ran in a stretch that a statement heads, loop or not."""

    child: int
    head: int
    runs: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A unit's executions, taken apart once for all that looks at them.

    `certain` are pieces of work for certain. `outside` is what no long transaction holds, and
    `stretches` are that again: a list, then lookups and writes until the next.
    """

    certain: Sequence[Sequence[Event]] = ()
    outside: Sequence[Event] = ()
    stretches: Sequence[Sequence[Event]] = ()


@dataclass(frozen=True)
class Reader:
    """Finds the loops of units. Those of writes do not depend on others, and are quickly found."""

    shapes: Shapes
    only_writes: bool = False

    def parts(self, unit: Unit) -> Parts:
        """The unit's pieces of work; a pool's have none that hold together."""
        events = events_of(unit)
        if unit.origin == "trace":
            return Parts(certain=(events,))
        if unit.origin != "session":
            return Parts()
        transactions = _transactions(events)
        small = self._small(transactions)
        outside = [e for e in events if e.transaction == -1 or e.transaction in small]
        stretches = () if self.only_writes else tuple(self._stretches(events, small))
        return Parts(tuple(transactions.values()), outside, stretches)

    def loops(self, parts: Parts) -> Iterator[Loop]:
        """Every loop of a unit; a shape can be in several, in different stretches."""
        for inside in parts.certain:
            yield from self._certain(inside)
        for stretch in parts.stretches:
            yield from self._explained(stretch)
        yield from write_loops(parts.outside, self.shapes, certain=False)

    def groups(self, parts: Parts) -> Iterator[Group]:
        """The lookups of each stretch between transactions, counted under its first statement."""
        for stretch in parts.stretches:
            found = by_shape(stretch, self.shapes.roles, "lookup")
            for shape, places in found.items():
                yield Group(shape, stretch[0].shape, len(places))

    def _small(self, transactions: Mapping[int, Sequence[Event]]) -> set[int]:
        """Transactions of a few writes: a loop may commit row by row."""
        roles = self.shapes.roles
        return {
            number
            for number, inside in transactions.items()
            if len(inside) <= _SMALL_TRANSACTION
            and any(roles[event.shape] == "write" for event in inside)
            and not any(roles[event.shape] == "list" for event in inside)
        }

    def _stretches(
        self, events: Sequence[Event], small: Collection[int]
    ) -> Iterator[Sequence[Event]]:
        stretch: list[Event] = []
        for event in events:
            apart = event.transaction != -1 and event.transaction not in small
            if apart or self.shapes.roles[event.shape] not in ("lookup", "write"):
                if stretch:
                    yield stretch
                stretch = []
            if not apart:
                stretch.append(event)
        if stretch:
            yield stretch

    def _certain(self, events: Sequence[Event]) -> Iterator[Loop]:
        """Loops of a transaction or trace."""
        writes = list(write_loops(events, self.shapes, certain=True))
        yield from writes
        if self.only_writes:
            return
        written = {r for loop in writes for r in self.shapes.outlines[loop.child].relations[:1]}
        found = by_shape(events, self.shapes.roles, "lookup", "list")
        counts = {shape: len(places) for shape, places in found.items()}
        accepted: set[int] = set()
        for shape, places in sorted(found.items(), key=lambda item: item[1][0]):
            runs = [events[at] for at in places]
            if len(runs) < self.shapes.limits.least_runs or self.shapes.is_polled(runs):
                continue
            if is_same(runs):
                if not self._is_written_between(events, places):
                    yield loop_of("identical", runs, certain=True)
                continue
            outline = self.shapes.outlines[shape]
            if self.shapes.roles[shape] != "lookup" or not differs_by_key(outline, runs):
                continue
            columns, led = varying(outline, runs)
            parent, link = self._parent(events[: places[0]], shape, counts, accepted, led)
            if parent is None and not self._stands_alone(shape, len(runs), written):
                continue
            accepted.add(shape)
            fed = (parent, parent)
            yield loop_of("lookup", runs, certain=True, fed=fed, link=link, varying=columns)

    def _stands_alone(self, shape: int, runs: int, written: Collection[str]) -> bool:
        """True for many lookups by key that nothing explains, but the rows that were written."""
        outline = self.shapes.outlines[shape]
        by_key = self.shapes.links.finds_one(outline) and outline.relations[0] not in written
        return by_key and runs >= self.shapes.limits.least_runs_alone

    def _parent(
        self,
        before: Sequence[Event],
        child: int,
        counts: Mapping[int, int],
        accepted: Collection[int],
        columns: Columns,
    ) -> tuple[int | None, Link | None]:
        """The nearest statement before the first run that can feed it."""
        for shape in dict.fromkeys(event.shape for event in reversed(before)):
            fed_itself = shape in accepted
            few = counts.get(shape, 1) * _PARENTS_PER_RUN <= counts[child]
            if shape == child or not (fed_itself or (self.shapes.is_parent(shape) and few)):
                continue
            link = self.shapes.link(shape, child, columns)
            if link:
                return shape, link
        own = self.shapes.links.feeds_itself(self.shapes.outlines[child])
        return (child, own) if own else (None, None)

    def _explained(self, stretch: Sequence[Event]) -> Iterator[Loop]:
        """Loops of a stretch between transactions, all of it explained by its parents."""
        if len(stretch) < self.shapes.limits.least_runs:
            return
        shapes = by_shape(stretch, self.shapes.roles, "lookup")
        counts = Counter(event.shape for event in stretch)
        roots: dict[int, int] = {}
        looped = {
            shape: found
            for shape, found in sorted(shapes.items(), key=lambda item: item[1][0])
            if len(found) >= self.shapes.limits.least_runs
            and not self.shapes.is_polled([stretch[at] for at in found])
        }
        same = {s for s, found in looped.items() if is_same([stretch[at] for at in found])}
        for shape, found in looped.items():
            runs = [stretch[at] for at in found]
            outline = self.shapes.outlines[shape]
            if shape not in same and not differs_by_key(outline, runs):
                continue
            columns, led = varying(outline, runs)
            before = stretch[: found[0]]
            parent, link = self._parent(before, shape, counts, roots, led)
            if parent is None:
                parent = self._only_before(before, len(runs), is_same=shape in same)
            if parent is None or not self._is_all_explained(stretch, found, parent, same | {shape}):
                continue
            root = self._root(before, parent, shape, roots)
            if root is None:
                continue
            roots[shape] = root
            for part in split_at(stretch, found, root):
                again = [stretch[at] for at in part]
                if len(again) >= self.shapes.limits.least_runs:
                    yield loop_of(
                        "identical" if is_same(again) else "lookup", again, certain=False,
                        fed=(parent, root), link=link, varying=columns,
                    )  # fmt: skip

    def _only_before(self, before: Sequence[Event], runs: int, *, is_same: bool) -> int | None:
        """The list that a stretch begins with, where no name says that it leads to the runs.

        Whether the runs belong to it, the other units must tell.
        """
        limits = self.shapes.limits
        least = limits.least_runs if is_same else limits.least_runs_alone
        if not before or runs < least or not self.shapes.is_parent(before[0].shape):
            return None
        return before[0].shape

    def _root(
        self, before: Sequence[Event], parent: int, child: int, roots: Mapping[int, int]
    ) -> int | None:
        """The statement that a loop begins with; of a tree that feeds itself, what came before."""
        if parent != child:
            return roots.get(parent, parent)
        last = before[-1].shape if before else child
        return last if last != child and self.shapes.feeds(last, child) else None

    def _is_all_explained(
        self, events: Sequence[Event], found: Sequence[int], parent: int, known: set[int]
    ) -> bool:
        """True if what runs from the parent to the last run is fed by it, directly or not."""
        begin = max((at for at in range(found[0]) if events[at].shape == parent), default=found[0])
        inside = dict.fromkeys(event.shape for event in events[begin : found[-1] + 1])
        explained = {parent, *known}
        grown = True
        while grown:
            new = {
                shape
                for shape in inside
                if shape not in explained
                and any(self.shapes.feeds(one, shape) for one in explained)
            }
            explained |= new
            grown = bool(new)
        return explained.issuperset(inside)

    def _is_written_between(self, events: Sequence[Event], found: Sequence[int]) -> bool:
        outlines, roles = self.shapes.outlines, self.shapes.roles
        relations = set(outlines[events[found[0]].shape].relations)
        return any(
            roles[event.shape] in ("write", "other")
            and not relations.isdisjoint(outlines[event.shape].relations)
            for event in events[found[0] : found[-1]]
        )


def _transactions(events: Sequence[Event]) -> dict[int, list[Event]]:
    """The events of each explicit transaction."""
    found: dict[int, list[Event]] = {}
    for event in events:
        if event.transaction != -1:
            found.setdefault(event.transaction, []).append(event)
    return found
