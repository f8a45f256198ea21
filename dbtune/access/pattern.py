"""Loops of many units put together: one pattern per repeated statement and its parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from dbtune.access.events import roles_of
from dbtune.access.link import Link, Links
from dbtune.access.loops import Limits, Loop, LoopKind, Reader
from dbtune.statement.outline import Outline, outline
from dbtune.traffic import Shape, Traffic, Unit

_Place = tuple[LoopKind, int, int | None]
"""Kind, child and parent: one place in an application, as far as the server can tell."""

_RARE = 0.05


@dataclass(frozen=True)
class Pattern:
    """What one place in an application repeats, over all units in which it was seen.

    `runs` are the repetitions of each loop, ascending. `exec_ms` and `wall_ms` are totals of the
    loops looked at; `parent_followed` is the share of the parent's executions outside of
    transactions that a loop follows (1.0 inside).
    """

    kind: LoopKind
    child: Shape
    child_outline: Outline
    parent: Shape | None
    link: Link | None
    runs: tuple[int, ...]
    distinct_share: float | None
    exec_ms: float
    wall_ms: float
    is_certain: bool
    parent_followed: float
    attributions: tuple[str, ...]
    applications: tuple[str, ...]
    values: tuple[str, ...]

    def runs_at(self, share: float) -> int:
        """The runs per loop that a share of the loops does not exceed."""
        return self.runs[max(0, ceil(share * len(self.runs)) - 1)]


@dataclass(frozen=True, slots=True)
class _Seen:
    loop: Loop
    unit: Unit


def patterns(traffic: Traffic, links: Links, limits: Limits) -> tuple[Pattern, ...]:
    """Every pattern of the traffic, in the order of first appearance."""
    outlines = tuple(outline(shape.text) for shape in traffic.shapes)
    reader = Reader(outlines, roles_of(outlines, links), links, limits)
    seen: dict[_Place, list[_Seen]] = {}
    parents: Counter[int] = Counter()
    for unit in traffic.units:
        parents.update(
            shape
            for shape, transaction in zip(unit.shapes, unit.transactions, strict=True)
            if transaction == -1
        )
        for loop in reader.loops(unit):
            seen.setdefault((loop.kind, loop.child, loop.parent), []).append(_Seen(loop, unit))
    return tuple(_patterns(traffic, outlines, _folded(seen), parents))


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
    seen: dict[_Place, list[_Seen]],
    parents: Counter[int],
) -> Iterator[Pattern]:
    for (kind, child, parent), all_found in seen.items():
        found = [one for one in all_found if not one.loop.is_batch]
        if len(found) * 2 <= len(all_found):
            continue  # a batch as a rule; a busy machine hides that at times
        loops = [one.loop for one in found]
        known = [loop for loop in loops if loop.distinct is not None]
        distinct = sum(loop.distinct or 0 for loop in known)
        certain = any(loop.is_certain for loop in loops)
        followed = 1.0
        if parent is not None and not certain:
            roots = {loop.root for loop in loops if loop.root is not None}
            followed = len(loops) / max(1, sum(parents[root] for root in roots))
        yield Pattern(
            kind=kind,
            child=traffic.shapes[child],
            child_outline=outlines[child],
            parent=None if parent is None else traffic.shapes[parent],
            link=next((loop.link for loop in loops if loop.parent == parent), None),
            runs=tuple(sorted(loop.runs for loop in loops)),
            distinct_share=distinct / sum(loop.runs for loop in known) if known else None,
            exec_ms=sum(loop.exec_ms for loop in loops),
            wall_ms=sum(loop.wall_ms for loop in loops),
            is_certain=certain,
            parent_followed=min(1.0, followed),
            attributions=_commonest(one.unit.attribution for one in found),
            applications=_commonest(one.unit.application for one in found),
            values=loops[0].values,
        )


def _commonest(names: Iterator[str]) -> tuple[str, ...]:
    """The three commonest names, the commonest first."""
    counts = Counter(name for name in names if name)
    return tuple(name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))[
        :3
    ]
