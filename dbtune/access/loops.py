"""Loops inside one unit of work: what repeats, with how many values, fed by which statement.

Two kinds of stretches are looked at. A transaction or a trace is one piece of work for certain:
there a repetition is enough. A session between transactions may serve several requests in a row:
there a loop must also follow its parent at once, and everything in it must be explained by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from dbtune.access.events import (
    Event,
    Role,
    by_shape,
    distinct,
    events_of,
    shortest_wait_ms,
    split_at,
)
from dbtune.access.link import Link, Links
from dbtune.access.values import values_of
from dbtune.statement.outline import Outline
from dbtune.traffic import Unit

LoopKind = Literal["lookup", "write", "identical"]

_SMALL_TRANSACTION = 4
_NO_PARENT = (None, None)
_PARENTS_PER_RUN = 3
"""A parent runs at most a third as often as what its rows feed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a repetition counts; the rules' parameters say why.

    `least_runs` repetitions in one transaction or trace, `least_runs_alone` of what nothing
    explains or what spreads over transactions. A client that waits less than `batch_wait_ms`
    between writes sends them in one round trip; one that waits longer than `polling_wait_ms` is
    not in a loop over rows.
    """

    least_runs: int
    least_runs_alone: int
    batch_wait_ms: float
    polling_wait_ms: float


@dataclass(frozen=True, slots=True)
class Loop:
    """One repetition in one unit. `root` is the parent, or what feeds it in turn.
    `wall_ms` is execution and waiting for the client together. `is_batch` says that the client did
    not wait between writes: executemany in a pipeline, one round trip already.

    `is_certain` says that a transaction or a trace holds it together, or that its parent does.
    """

    kind: LoopKind
    child: int
    parent: int | None
    root: int | None
    link: Link | None
    runs: int
    distinct: int | None
    exec_ms: float
    wall_ms: float
    is_certain: bool
    is_batch: bool
    values: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """Finds the loops of units whose shapes are outlined. `roles` goes by shape."""

    outlines: Sequence[Outline]
    roles: Sequence[Role]
    links: Links
    limits: Limits

    def loops(self, unit: Unit) -> Iterator[Loop]:
        """Every loop of a unit; a shape can be in several, in different stretches."""
        events = events_of(unit)
        if unit.origin == "trace":
            yield from self._certain(events)
            return
        transactions: dict[int, list[Event]] = {}
        for event in events:
            transactions.setdefault(event.transaction, []).append(event)
        alone = transactions.pop(-1, [])
        for number, inside in transactions.items():
            yield from self._certain(inside)
            if self._is_small_write(inside):
                transactions[number] = []
        small = {number for number, inside in transactions.items() if not inside}
        if alone or small:
            for stretch in self._stretches(events, small):
                yield from self._explained(stretch)
            outside = [e for e in events if e.transaction == -1 or e.transaction in small]
            yield from self._writes(outside, certain=False)

    def is_parent(self, shape: int) -> bool:
        """True for a statement that can return many rows."""
        role, outline = self.roles[shape], self.outlines[shape]
        if role == "lookup":
            return not any(self.links.is_unique(c) for c in outline.equal)
        return role == "list" and not (outline.aggregates and not outline.groups)

    def _is_small_write(self, events: Sequence[Event]) -> bool:
        roles = [self.roles[event.shape] for event in events]
        return len(events) <= _SMALL_TRANSACTION and "write" in roles and "list" not in roles

    def _stretches(self, events: Sequence[Event], small: set[int]) -> Iterator[list[Event]]:
        """Events outside of long transactions: a list, then lookups and writes until the next."""
        stretch: list[Event] = []
        for event in events:
            apart = event.transaction != -1 and event.transaction not in small
            loopable = self.roles[event.shape] in ("lookup", "write") and not apart
            if not loopable:
                if stretch:
                    yield stretch
                stretch = []
            if not apart:
                stretch.append(event)
        if stretch:
            yield stretch

    def _certain(self, events: Sequence[Event]) -> Iterator[Loop]:
        """Loops of a transaction or trace."""
        yield from self._writes(events, certain=True)
        shapes = by_shape(events, self.roles, "lookup", "list")
        accepted: set[int] = set()
        counts = {shape: len(found) for shape, found in shapes.items()}
        for shape, found in sorted(shapes.items(), key=lambda item: item[1][0]):
            runs = [events[at] for at in found]
            if len(runs) < self.limits.least_runs or self._is_polled(runs):
                continue
            different = distinct(runs)
            if different is not None and different < min(3, len(runs)):
                if not self._is_written_between(events, found):
                    yield self._loop("identical", shape, _NO_PARENT, None, runs, certain=True)
                continue
            if self.roles[shape] != "lookup":
                continue
            parent, link = self._parent(events, found[0], shape, counts, accepted)
            if parent is None and len(runs) < self.limits.least_runs_alone:
                continue
            if parent is None and not any(map(self.links.is_unique, self.outlines[shape].equal)):
                continue
            accepted.add(shape)
            yield self._loop("lookup", shape, (parent, parent), link, runs, certain=True)

    def _parent(
        self,
        events: Sequence[Event],
        first: int,
        child: int,
        counts: Mapping[int, int],
        accepted: Collection[int],
    ) -> tuple[int | None, Link | None]:
        """The nearest statement before the first run that can feed it."""
        before = dict.fromkeys(event.shape for event in reversed(events[:first]))
        for shape in before:
            fed_itself = shape in accepted
            few = counts.get(shape, 1) * _PARENTS_PER_RUN <= counts[child]
            if shape == child or not (fed_itself or (self.is_parent(shape) and few)):
                continue
            link = self.links.link(self.outlines[shape], self.outlines[child])
            if link:
                return shape, link
        own = self.links.link(self.outlines[child], self.outlines[child])
        if own and own.kind == "foreign key":
            return child, own
        return None, None

    def _explained(self, stretch: Sequence[Event]) -> Iterator[Loop]:
        """Loops of a stretch between transactions, all of it explained by its parents."""
        shapes = by_shape(stretch, self.roles, "lookup")
        counts = Counter(event.shape for event in stretch)
        roots: dict[int, int] = {}
        for shape, found in sorted(shapes.items(), key=lambda item: item[1][0]):
            runs = [stretch[at] for at in found]
            if len(runs) < self.limits.least_runs or self._is_polled(runs):
                continue
            parent, link = self._parent(stretch, found[0], shape, counts, roots)
            if parent is None or not self._is_all_explained(stretch, found, parent, shape):
                continue
            root = self._root(stretch, found[0], parent, shape, roots)
            if root is None:
                continue
            roots[shape] = root
            for part in split_at(stretch, found, root):
                if len(part) >= self.limits.least_runs:
                    yield self._follower(shape, (parent, root), link, [stretch[at] for at in part])

    def _follower(
        self, shape: int, fed: tuple[int, int], link: Link | None, runs: Sequence[Event]
    ) -> Loop:
        different = distinct(runs)
        same = different is not None and different < min(3, len(runs))
        return self._loop("identical" if same else "lookup", shape, fed, link, runs, certain=False)

    def _root(
        self, events: Sequence[Event], first: int, parent: int, child: int, roots: Mapping[int, int]
    ) -> int | None:
        """The statement that a loop begins with; of a tree that feeds itself, what came before."""
        if parent != child:
            return roots.get(parent, parent)
        before = events[first - 1].shape if first else child
        return before if before != child and self._feeds(before, child) else None

    def _is_all_explained(
        self, events: Sequence[Event], found: Sequence[int], parent: int, child: int
    ) -> bool:
        """True if what runs from the parent to the last run is fed by it, directly or not."""
        begin = (
            max(at for at in range(found[0]) if events[at].shape == parent)
            if parent != child
            else found[0]
        )
        inside = dict.fromkeys(event.shape for event in events[begin : found[-1] + 1])
        explained = {parent, child}
        grown = True
        while grown:
            new = {
                shape
                for shape in inside
                if shape not in explained and any(self._feeds(known, shape) for known in explained)
            }
            explained |= new
            grown = bool(new)
        return explained.issuperset(inside)

    def _feeds(self, parent: int, child: int) -> bool:
        one, other = self.outlines[parent], self.outlines[child]
        if self.links.link(one, other):
            return True
        return self.roles[child] == "write" and not set(one.relations).isdisjoint(other.relations)

    def _writes(self, events: Sequence[Event], *, certain: bool) -> Iterator[Loop]:
        """One-row writes: many in one transaction, or a dense burst of them over several."""
        least = self.limits.least_runs if certain else self.limits.least_runs_alone
        for shape, found in by_shape(events, self.roles, "write").items():
            for part in [found] if certain else self._bursts(events, found):
                runs = [events[at] for at in part]
                if len(runs) < least:
                    continue
                different = distinct(runs)
                keyed = self.outlines[shape].verb != "insert"
                if keyed and different is not None and different * 3 < len(runs) * 2:
                    continue
                yield self._loop("write", shape, _NO_PARENT, None, runs, certain=certain)

    def _bursts(self, events: Sequence[Event], found: Sequence[int]) -> Iterator[list[int]]:
        """Runs of one write with nothing foreign and no long wait between them."""
        part: list[int] = []
        written: set[str | None] = set()
        for at in found:
            values = events[at].values
            again = values is not None and values in written  # a loop writes each row once
            if part and (again or not self._is_same_burst(events[part[-1] + 1 : at + 1])):
                yield part
                part, written = [], set()
            part.append(at)
            written.add(values)
        yield part

    def _is_same_burst(self, after: Sequence[Event]) -> bool:
        relations = set(self.outlines[after[-1].shape].relations)
        return all(
            event.idle_ms <= self.limits.polling_wait_ms
            and not relations.isdisjoint(self.outlines[event.shape].relations)
            for event in after
        )

    def _is_polled(self, runs: Sequence[Event]) -> bool:
        return median(run.idle_ms for run in runs) > self.limits.polling_wait_ms

    def _is_written_between(self, events: Sequence[Event], found: Sequence[int]) -> bool:
        relations = set(self.outlines[events[found[0]].shape].relations)
        return any(
            self.roles[event.shape] in ("write", "other")
            and not relations.isdisjoint(self.outlines[event.shape].relations)
            for event in events[found[0] : found[-1]]
        )

    def _loop(
        self,
        kind: LoopKind,
        child: int,
        fed: tuple[int | None, int | None],
        link: Link | None,
        runs: Sequence[Event],
        *,
        certain: bool,
    ) -> Loop:
        example = values_of(runs[0].values)
        return Loop(
            kind=kind,
            child=child,
            parent=fed[0],
            root=fed[1],
            link=link,
            runs=len(runs),
            distinct=distinct(runs),
            exec_ms=sum(run.exec_ms for run in runs),
            wall_ms=sum(run.exec_ms + run.idle_ms for run in runs),
            is_certain=certain,
            is_batch=kind == "write" and self._is_batch(runs),
            values=example or (),
        )

    def _is_batch(self, runs: Sequence[Event]) -> bool:
        """True if the client sent the runs without waiting for answers.

        Messages of one round trip share a transaction, be it only the implicit one that ends with
        their Sync: runs that commit one by one were sent one by one, however quickly.
        """
        together = len({run.transaction for run in runs}) == 1 and runs[0].transaction >= 0
        return together and shortest_wait_ms(runs) < self.limits.batch_wait_ms
