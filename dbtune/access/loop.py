"""A loop: what repeats in one unit of work, and what is known of the shapes that can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Literal

from dbtune.access.events import Columns, Event, Role, distinct
from dbtune.access.link import Link, Links
from dbtune.access.values import values_of
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import Outline

_KEPT = 30
LoopKind = Literal["lookup", "write", "identical"]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a repetition counts; the rules' parameters say why.

    `least_runs` repetitions in one transaction or trace, `least_runs_alone` of what nothing
    explains or what spreads over transactions. A client that waits less than `batch_wait_ms`
    between writes sends them in one round trip; one that waits longer than `polling_wait_ms` is
    not in a loop over rows. `least_followed` is the share of cases in which a loop between
    transactions must follow its parent.
    """

    least_runs: int
    least_runs_alone: int
    batch_wait_ms: float
    polling_wait_ms: float
    least_followed: float


@dataclass(frozen=True, slots=True)
class Loop:
    """One repetition in one unit. `root` is the parent, or what feeds it in turn.
    `varying` are the columns looked up whose values differ. `wall_ms` is execution and waiting for
    the client together. `waits_ms` are bounds of what passed between runs that could have been
    sent in one round trip, for all but that; empty if they were not.

    `values` are those of the first run; `given` those of some runs, as logged.

    `is_certain` says that a transaction or a trace holds it together, or that its parent does.
    """

    kind: LoopKind
    child: int
    parent: int | None
    root: int | None
    link: Link | None
    varying: tuple[ColumnName, ...]
    runs: int
    distinct: int | None
    exec_ms: float
    wall_ms: float
    is_certain: bool
    waits_ms: tuple[float, ...]
    values: tuple[str, ...]
    given: tuple[str, ...]


def loop_of(
    kind: LoopKind,
    runs: Sequence[Event],
    *,
    certain: bool,
    fed: tuple[int | None, int | None] = (None, None),
    link: Link | None = None,
    varying: tuple[ColumnName, ...] = (),
    waits_ms: tuple[float, ...] = (),
) -> Loop:
    """The loop that these executions of one shape make; `fed` are its parent and root."""
    return Loop(
        kind=kind,
        child=runs[0].shape,
        parent=fed[0],
        root=fed[1],
        link=link,
        varying=varying,
        runs=len(runs),
        distinct=distinct(runs),
        exec_ms=sum(run.exec_ms for run in runs),
        wall_ms=sum(run.exec_ms + run.idle_ms for run in runs),
        is_certain=certain,
        waits_ms=waits_ms,
        values=values_of(runs[0].values) or (),
        given=tuple(run.values for run in runs[:_KEPT] if run.values is not None),
    )


@dataclass(frozen=True)
class Shapes:
    """What is known of the shapes of a traffic. `outlines` and `roles` go by shape."""

    outlines: Sequence[Outline]
    roles: Sequence[Role]
    links: Links
    limits: Limits

    @cached_property
    def _links(self) -> dict[tuple[int, int, Columns | None], Link | None]:
        return {}

    def link(self, parent: int, child: int, columns: Columns | None = None) -> Link | None:
        """How the parent's rows lead to the child's values; asked for again in every unit."""
        place = (parent, child, columns)
        if place not in self._links:
            self._links[place] = self.links.link(
                self.outlines[parent], self.outlines[child], columns
            )
        return self._links[place]

    def is_parent(self, shape: int) -> bool:
        """True for a statement that can return many rows."""
        role, outline = self.roles[shape], self.outlines[shape]
        if role == "lookup":
            return not self.links.finds_one(outline)
        return role == "list" and not (outline.aggregates and not outline.groups)

    def feeds(self, parent: int, child: int) -> bool:
        """True if the parent's rows can lead to what the child reads or writes."""
        if self.link(parent, child):
            return True
        one, other = self.outlines[parent], self.outlines[child]
        return self.roles[child] == "write" and not set(one.relations).isdisjoint(other.relations)

    def is_polled(self, runs: Sequence[Event]) -> bool:
        """True if the client waits longer between the runs than code between rows does."""
        return median(run.idle_ms for run in runs) > self.limits.polling_wait_ms
