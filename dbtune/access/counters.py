"""Parents and children from pg_stat_statements alone: calls of one follow the rows of another.

Pure arithmetic over counters. Several readings make it firm: two statements that only happen to
have alike totals part company from one interval to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise

from dbtune.access.client import is_one_client
from dbtune.access.feeds import Feed, Feeds
from dbtune.access.reference import Reference
from dbtune.identifier import QualifiedName
from dbtune.snapshot.model import Snapshot
from dbtune.statement.fingerprint import fingerprint
from dbtune.statement.model import Statement
from dbtune.statement.outline import outline
from dbtune.workload import Workload, WorkloadStatement

_MOST_PARENTS = 6
_DENSE_ROWS = 3.0
"""A list that returns fewer rows a call explains single lookups, not a loop."""

_OWN_ROWS = 0.8
"""Of the lookups in a tree, so many at least come from rows of earlier ones."""

_ONE_ROW = 0.5
"""Who looks up a row by its key finds one as a rule."""

_SLACK = 0.5
"""An interval may stray from the bounds of the ratio by this much: requests straddle readings."""


@dataclass(frozen=True)
class Pair:
    """A child and the parent whose rows come nearest to its calls.

    `ratio` is child calls per row of the parent, and of what else explains it (`others`: lookups
    of single pages, a second list). `intervals` counts the readings' differences in which both
    was active; `holds_over_time` is False when one of them contradicts. `outer_runs` is how often
    the parent itself runs in one unit of work, being a child of others' rows. `stray` is how far
    the calls are from the rows. `is_on_a_page` says that a statement outside of loops that finds
    one row of the parent's relation ran just as often, and the list's rows are not as near: then
    both may belong to the page of that row.
    """

    child: WorkloadStatement
    parent: WorkloadStatement
    others: tuple[WorkloadStatement, ...]
    relation: QualifiedName
    column: str
    reference: Reference
    ratio: float
    intervals: int
    holds_over_time: bool
    stray: float
    spread: float
    outer_runs: float = 1.0
    is_on_a_page: bool = False

    @property
    def is_one_client(self) -> bool:
        return is_one_client(self.child.text, self.parent.text)

    @property
    def runs_per_unit(self) -> float:
        """Repetitions in one unit of work, on the average."""
        if self.parent is self.child:
            return self.child.calls / (self.child.calls - self.child.statistics.rows)
        return self.parent.rows_per_call * min(1.0, self.ratio) * self.outer_runs


@dataclass(frozen=True, slots=True)
class _Change:
    calls: int
    rows: int


def pairs(
    workload: Workload,
    *,
    min_ratio: float,
    max_ratio: float,
    likely_ratio: float,
    max_stray: float,
) -> Iterator[Pair]:
    """One pair per child that the rows of one list, or of two, can explain.

    Args:
        workload: statements with calls and rows, and several readings of them at best.
        min_ratio: fewer calls for a row are no loop.
        max_ratio: more calls for a row come from somewhere else.
        likely_ratio: calls that are so near to the rows are explained by them.
        max_stray: calls that differ by no more from rows or other calls belong to them.
    """
    deltas = _Deltas(workload.snapshot)
    found = {
        pair.child.fingerprint: pair
        for pair in _pairs(workload, deltas, min_ratio=min_ratio, max_ratio=max_ratio)
    }
    looped = [pair for pair in found.values() if pair.holds_over_time]
    near = {pair.child.fingerprint for pair in looped if pair.stray <= 1 - likely_ratio}
    exact = [pair.child for pair in looped if pair.stray <= max_stray]
    for pair in found.values():
        outer = found.get(pair.parent.fingerprint)
        nested = outer and outer.holds_over_time and pair.parent is not pair.child
        yield replace(
            pair,
            outer_runs=outer.runs_per_unit if outer and nested else 1.0,
            is_on_a_page=pair.stray > max_stray
            and any(
                one.fingerprint not in near
                and deltas.apart(pair.child, one) <= max_stray
                and not any(deltas.apart(one, child) <= max_stray for child in exact)
                for one in _found_by_key(workload, pair)
            ),
        )


def _pairs(
    workload: Workload, deltas: _Deltas, *, min_ratio: float, max_ratio: float
) -> Iterator[Pair]:
    all_feeds = Feeds(workload)
    for child, parsed in workload.parsed():
        if parsed.kind != "select" or not child.calls:
            continue
        feeds = sorted(
            (
                feed
                for feed in all_feeds.of(child, parsed)
                if feed.statement.statistics.rows * feed.share * min_ratio <= child.calls
            ),
            key=lambda feed: (-feed.statement.statistics.rows, feed.statement.fingerprint),
        )[:_MOST_PARENTS]
        found = [
            pair
            for size in (1, 2)
            for chosen in combinations(feeds, size)
            if (pair := _pair(child, chosen, deltas, min_ratio=min_ratio, max_ratio=max_ratio))
        ]
        found += _recursions(all_feeds, child, parsed, deltas, min_ratio)
        if found:
            yield min(found, key=_order)


def _recursions(
    all_feeds: Feeds,
    child: WorkloadStatement,
    parsed: Statement,
    deltas: _Deltas,
    min_ratio: float,
) -> Iterator[Pair]:
    """A tree walked down by a lookup that its own rows feed: calls are rows and the few roots."""
    rows = child.statistics.rows
    for found in all_feeds.lookups(child, parsed):
        feeds_itself = found.feeder == found.use.relation and not found.reference.is_own_key
        if feeds_itself and rows < child.calls and child.calls <= rows / _OWN_ROWS:
            feed = Feed(child, found.use.relation, found.column, found.reference)
            pair = _pair(
                child, [feed], deltas,
                min_ratio=min_ratio, max_ratio=1 / _OWN_ROWS, dense_rows=0.0,
            )  # fmt: skip
            if pair:
                yield pair


def _found_by_key(workload: Workload, pair: Pair) -> Iterator[WorkloadStatement]:
    """Statements that find one row of the relation whose rows feed the child."""
    ends = {pair.reference.relation, pair.reference.referenced}
    fed_by = next(iter(ends - {pair.relation}), pair.relation)
    for statement, use in workload.uses_of(fed_by):
        seen = outline(statement.text)
        by_value = seen.verb == "select" and not seen.aggregates and use.quals_of("equal")
        if by_value and _ONE_ROW <= statement.rows_per_call <= 1.0:
            yield statement


def _order(pair: Pair) -> tuple[bool, bool, float, int, str]:
    """The best explanation first: it holds, from the same client, closely, with one parent."""
    return (
        not pair.holds_over_time,
        not pair.is_one_client,
        round(pair.stray, 1),
        len(pair.others),
        pair.parent.fingerprint,
    )


def _pair(
    child: WorkloadStatement,
    feeds: Sequence[Feed],
    deltas: _Deltas,
    *,
    min_ratio: float,
    max_ratio: float,
    dense_rows: float = _DENSE_ROWS,
) -> Pair | None:
    """The child with these feeds, if their rows explain its calls and the first is a list."""
    rows = sum(round(feed.statement.statistics.rows * feed.share) for feed in feeds)
    ratio = child.calls / rows if rows else 0.0
    first = feeds[0]
    if not min_ratio <= ratio <= max_ratio or first.statement.rows_per_call < dense_rows:
        return None
    intervals = [
        (calls, fed)
        for calls, fed in zip(
            deltas.calls(child.fingerprint),
            deltas.rows(feeds),
            strict=True,
        )
        if calls or fed
    ]
    holds = all(
        fed and min_ratio * (1 - _SLACK) <= calls / fed <= max_ratio * (1 + _SLACK)
        for calls, fed in intervals
    )
    return Pair(
        child=child,
        parent=first.statement,
        others=tuple(feed.statement for feed in feeds[1:]),
        relation=first.relation,
        column=first.column,
        reference=first.reference,
        ratio=ratio,
        intervals=len(intervals),
        holds_over_time=holds,
        stray=_stray(intervals or [(child.calls, rows)]),
        spread=_spread(intervals) if holds else 1.0,
    )


def _stray(intervals: Sequence[tuple[int, int]]) -> float:
    return sum(abs(c - f) / max(c, f) for c, f in intervals) / len(intervals)


def _spread(intervals: Sequence[tuple[int, int]]) -> float:
    ratios = [calls / fed for calls, fed in intervals if fed]
    return (max(ratios) - min(ratios)) / max(ratios) if len(ratios) > 1 and max(ratios) else 1.0


@dataclass(frozen=True)
class _Deltas:
    """What changed from reading to reading, by the statements' fingerprints."""

    snapshot: Snapshot

    @cached_property
    def _changes(self) -> tuple[dict[str, _Change], ...]:
        names = [fingerprint(statement.text) for statement in self.snapshot.statements]
        found = []
        for before, after in pairwise(self.snapshot.readings):
            changes: dict[str, _Change] = {}
            for name, old, new in zip(names, before.counters, after.counters, strict=True):
                if new is None:
                    continue
                known = changes.get(name, _Change(0, 0))
                changes[name] = _Change(
                    known.calls + new.calls - (old.calls if old else 0),
                    known.rows + new.rows - (old.rows if old else 0),
                )
            found.append(changes)
        return tuple(found)

    def calls(self, name: str) -> list[int]:
        return [changes.get(name, _Change(0, 0)).calls for changes in self._changes]

    def apart(self, one: WorkloadStatement, other: WorkloadStatement) -> float:
        """How far the calls of two statements are from each other, from reading to reading."""
        calls = zip(self.calls(one.fingerprint), self.calls(other.fingerprint), strict=True)
        return _stray([both for both in calls if any(both)] or [(one.calls, other.calls)])

    def rows(self, feeds: Sequence[Feed]) -> list[int]:
        """The rows of each interval that can lead to lookups."""
        return [
            sum(
                round(changes.get(feed.statement.fingerprint, _Change(0, 0)).rows * feed.share)
                for feed in feeds
            )
            for changes in self._changes
        ]
