"""Loops of many units put together: one pattern per repeated statement and its parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from dbtune.access.crowd import spread_loops
from dbtune.access.events import roles_of
from dbtune.access.link import Link, Links
from dbtune.access.loop import Limits, Loop, LoopKind, Shapes
from dbtune.access.loops import Group, Reader
from dbtune.access.writes import is_one_round_trip
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import Outline, outline
from dbtune.traffic import Shape, Traffic, Unit

_Place = tuple[LoopKind, int, int | None]
"""Kind, child and parent: one place in an application, as far as the server can tell."""

_RARE = 0.05
_MOSTLY = 0.5
_LEAST_LOOPS = 3
"""What only the company of two statements tells, must be seen as often."""


@dataclass(frozen=True)
class Pattern:
    """What one place in an application repeats, over all units in which it was seen.

    `runs` are the repetitions of each loop, ascending. `exec_ms` and `wall_ms` are totals of the
    loops looked at. `columns` are those looked up whose values differ. `is_certain` says that a
    transaction or a trace holds loops together, `is_followed` that outside of them chance does
    not explain that they follow their parent, `is_spread` that they were seen over several
    connections.
    """

    kind: LoopKind
    child: Shape
    child_outline: Outline
    parent: Shape | None
    link: Link | None
    columns: tuple[ColumnName, ...]
    runs: tuple[int, ...]
    distinct_share: float | None
    exec_ms: float
    wall_ms: float
    is_certain: bool
    is_followed: bool
    is_spread: bool
    attributions: tuple[str, ...]
    applications: tuple[str, ...]
    values: tuple[str, ...]
    given: tuple[str, ...]

    def runs_at(self, share: float) -> int:
        """The runs per loop that a share of the loops does not exceed."""
        return self.runs[max(0, ceil(share * len(self.runs)) - 1)]


@dataclass(frozen=True, slots=True)
class _Seen:
    loop: Loop
    unit: Unit


def patterns(
    traffic: Traffic, links: Links, limits: Limits, *, only_writes: bool = False
) -> tuple[Pattern, ...]:
    """Every pattern of the traffic, in the order of first appearance."""
    outlines = tuple(outline(shape.text) for shape in traffic.shapes)
    shapes = Shapes(outlines, roles_of(outlines, links), links, limits)
    reader = Reader(shapes, only_writes)
    seen: dict[_Place, list[_Seen]] = {}
    company = _Company(shapes)
    for unit in traffic.units:
        parts = reader.parts(unit)
        company.add(unit, reader.groups(parts))
        for loop in reader.loops(parts):
            seen.setdefault((loop.kind, loop.child, loop.parent), []).append(_Seen(loop, unit))
    found = tuple(_patterns(traffic, outlines, _folded(seen), company, limits))
    if only_writes:
        return found
    index = {shape.fingerprint: at for at, shape in enumerate(traffic.shapes)}
    known = {
        index[p.child.fingerprint]
        for p in found
        if p.kind != "write" and (p.is_certain or p.is_followed)
    }
    written = frozenset(
        r for p in found if p.kind == "write" for r in p.child_outline.relations[:1]
    )
    spread: dict[_Place, list[_Seen]] = {}
    for one in spread_loops(traffic.units, shapes, known, written):
        place = (one.loop.kind, one.loop.child, one.loop.parent)
        spread.setdefault(place, []).append(_Seen(one.loop, one.unit))
    return (*found, *_patterns(traffic, outlines, spread, None, limits))


class _Company:
    """Which lookups follow which statements between transactions, and whether by chance."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._parents: Counter[int] = Counter()
        self._groups: Counter[tuple[int, int]] = Counter()
        self._long: Counter[tuple[int, int]] = Counter()

    def add(self, unit: Unit, groups: Iterator[Group]) -> None:
        """Count what runs in a unit."""
        rows = zip(unit.shapes, unit.transactions, strict=True)
        self._parents.update(shape for shape, transaction in rows if transaction == -1)
        for group in groups:
            self._groups[group.child, group.head] += 1
            if group.runs >= self._shapes.limits.least_runs:
                self._long[group.child, group.head] += 1

    def is_followed(self, child: int, loops: Sequence[Loop]) -> bool:
        """True if the loops follow their root more often than chance would have it.

        Either every so many executions of the root are followed by a loop; or, where several
        pages share the root, the child runs long after it as a rule and does not after statements
        that cannot feed it. What no name or key links to its parent must pass the latter.
        """
        roots = {loop.root for loop in loops if loop.root is not None}
        linked = any(loop.link for loop in loops)
        share = len(loops) / max(1, sum(self._parents[root] for root in roots))
        if linked and share >= self._shapes.limits.least_followed:
            return True
        after = [(child, root) for root in roots]
        elsewhere = [
            (one, head)
            for one, head in self._groups
            if one == child and head not in roots and not self._shapes.feeds(head, child)
        ]
        here, there = self._long_share(after), self._long_share(elsewhere)
        return len(loops) >= _LEAST_LOOPS and here >= _MOSTLY and here >= 2 * there

    def _long_share(self, places: Sequence[tuple[int, int]]) -> float:
        total = sum(self._groups[place] for place in places)
        return sum(self._long[place] for place in places) / total if total else 0.0


def _folded(seen: dict[_Place, list[_Seen]]) -> dict[_Place, list[_Seen]]:
    """Loops of one child without a parent, or with a rare one, joined to those of its usual one.

    A rare parent is a neighbour by chance, or a damaged line.
    """
    usual: dict[tuple[LoopKind, int], _Place] = {}
    for place, found in seen.items():
        best = usual.get(place[:2])
        if best is None or (place[2] is not None, len(found)) > (
            best[2] is not None,
            len(seen[best]),
        ):
            usual[place[:2]] = place
    folded: dict[_Place, list[_Seen]] = {}
    for place, found in seen.items():
        main = usual[place[:2]]
        rare = place[2] is None or len(found) < _RARE * len(seen[main])
        folded.setdefault(main if rare else place, []).extend(found)
    return folded


def _patterns(
    traffic: Traffic,
    outlines: Sequence[Outline],
    seen: Mapping[_Place, Sequence[_Seen]],
    company: _Company | None,
    limits: Limits,
) -> Iterator[Pattern]:
    """One pattern for each place; without a company, of loops spread over connections."""
    for (kind, child, parent), all_found in seen.items():
        found = _one_by_one(all_found, limits.batch_wait_ms)
        if not found:
            continue
        loops = [one.loop for one in found]
        known = [loop for loop in loops if loop.distinct is not None]
        distinct = sum(loop.distinct or 0 for loop in known)
        certain = any(loop.is_certain for loop in loops)
        led = [loop for loop in loops if loop.parent == parent]
        yield Pattern(
            kind=kind,
            child=traffic.shapes[child],
            child_outline=outlines[child],
            parent=None if parent is None else traffic.shapes[parent],
            link=next((loop.link for loop in led), None),
            columns=next((loop.varying for loop in led), ()),
            runs=tuple(sorted(loop.runs for loop in loops)),
            distinct_share=distinct / sum(loop.runs for loop in known) if known else None,
            exec_ms=sum(loop.exec_ms for loop in loops),
            wall_ms=sum(loop.wall_ms for loop in loops),
            is_certain=certain,
            is_followed=company is None
            or (parent is not None and not certain and company.is_followed(child, loops)),
            is_spread=company is None,
            attributions=_commonest(one.unit.attribution for one in found),
            applications=_commonest(one.unit.application for one in found),
            values=loops[0].values,
            given=next((loop.given for loop in led), ()),
        )


def _one_by_one(found: Sequence[_Seen], batch_wait_ms: float) -> list[_Seen]:
    """The loops that are no batches. Several clients can share a shape: each is judged apart."""
    kept = [one for one in found if not one.loop.waits_ms]
    clients: dict[str, list[_Seen]] = {}
    for one in found:
        if one.loop.waits_ms:
            clients.setdefault(one.unit.application, []).append(one)
    for same in clients.values():
        if not is_one_round_trip([one.loop for one in same], batch_wait_ms):
            kept += same
    return kept


def _commonest(names: Iterator[str]) -> tuple[str, ...]:
    """The three commonest names, the commonest first."""
    counts = Counter(name for name in names if name)
    return tuple(name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))[
        :3
    ]
