"""Executions of a unit as loops see them: what part a shape can play, what ends when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import add
from typing import Literal, NamedTuple

from dbtune.access.link import Links
from dbtune.access.values import values_of
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import Outline
from dbtune.traffic import Unit

_LOOKED_AT = 50
Columns = tuple[ColumnName, ...]
Role = Literal["lookup", "list", "write", "other"]


class Event(NamedTuple):
    """One execution of a unit, as loops see it; there are many, and tuples are made quickly."""

    shape: int
    transaction: int
    exec_ms: float
    idle_ms: float
    ended_ms: int
    values: str | None


def events_of(unit: Unit) -> list[Event]:
    """The executions of a unit, in their order."""
    ended = map(round, map(add, unit.starts_ms, unit.exec_ms))
    columns = (unit.shapes, unit.transactions, unit.exec_ms, unit.idle_ms, ended, unit.values)
    return list(map(Event._make, zip(*columns, strict=True)))


def roles_of(outlines: Sequence[Outline], links: Links) -> tuple[Role, ...]:
    """The part that each shape can play in a loop."""
    return tuple(_role(outline, links) for outline in outlines)


def _role(outline: Outline, links: Links) -> Role:
    if outline.verb in ("insert", "update", "delete", "merge"):
        single = outline.values_rows == 1 if outline.verb == "insert" else bool(outline.equal)
        return "write" if single and not outline.listed else "other"
    if outline.verb != "select" or not outline.relations:
        return "other"
    if outline.locks:
        return "other"
    by_key = links.finds_one(outline) or any(map(links.is_key, outline.equal))
    return "lookup" if by_key and not outline.listed else "list"


def by_shape(events: Sequence[Event], roles: Sequence[Role], *wanted: Role) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for at, event in enumerate(events):
        if roles[event.shape] in wanted:
            found.setdefault(event.shape, []).append(at)
    return found


def split_at(events: Sequence[Event], found: Sequence[int], root: int) -> Iterator[list[int]]:
    """The runs after each execution of the root: one loop each."""
    part: list[int] = []
    for at in found:
        if part and any(event.shape == root for event in events[part[-1] + 1 : at]):
            yield part
            part = []
        part.append(at)
    yield part


def longest_waits_ms(runs: Sequence[Event]) -> tuple[float, ...]:
    """For each run the most that the client can have waited on the average of its millisecond.

    The log's times are whole milliseconds. What ends in the same one, ends within it: what the
    executions themselves leave of it is an upper bound of the waits between them.
    """
    inside: dict[int, list[float]] = {}
    for run in runs:
        inside.setdefault(run.ended_ms, []).append(run.exec_ms)
    waits: list[float] = []
    for spent in inside.values():
        wait = (1 - sum(spent[1:])) / (len(spent) - 1) if len(spent) > 1 else 1.0
        waits += [wait] * len(spent)
    return tuple(waits)


def distinct(runs: Sequence[Event]) -> int | None:
    """How many different values the runs had; None when the log tells none."""
    if any(run.values is None for run in runs):
        return None
    return len({run.values for run in runs})


def is_same(runs: Sequence[Event]) -> bool:
    """True if the runs asked the same again; two turns of values may alternate."""
    different = distinct(runs)
    return different is not None and different < min(3, len(runs))


def differs_by_key(outline: Outline, runs: Sequence[Event]) -> bool:
    """True if the runs ask for different keys; False if for pages or ranges of the same one."""
    most = max(_value_counts(outline, runs).values(), default=0)
    return most > 1 or (most == 0 and not outline.turns_pages)


def varying(outline: Outline, runs: Sequence[Event]) -> tuple[Columns, Columns]:
    """Of the columns compared with values, those whose values differ; all if none is known to.

    And of those the leading ones, without such of far fewer values: what asks row by row varies
    most.
    """
    counts = _value_counts(outline, runs)
    differing = tuple(c for c, count in counts.items() if count > 1) or outline.equal
    most = max(counts.values(), default=0)
    return differing, tuple(c for c in differing if counts[c] * 2 >= most)


def _value_counts(outline: Outline, runs: Sequence[Event]) -> dict[ColumnName, int]:
    """How many values each column was compared with; 0 where the log tells none."""
    values = [values_of(given) for given in {run.values for run in runs[:_LOOKED_AT]}]
    counts = {}
    for column, number in zip(outline.equal, outline.given, strict=True):
        at = (number or 0) - 1
        counts[column] = len({v[at] for v in values if v is not None and 0 <= at < len(v)})
    return counts
