"""A column's known values: as the server reads them, in order, with what lies between."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.synthesize.family import Family, Key, family_of, fraction

Session = Connection[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """Values of a column: the text as the snapshot has it, the binary form, and its key."""

    texts: tuple[str, ...]
    binaries: tuple[bytes, ...]
    keys: tuple[Key | None, ...]

    def by_text(self) -> Mapping[str, int]:
        return {text: at for at, text in enumerate(self.texts)}


def read_known(
    session: Session, type_name: str, base_type: str, texts: Sequence[str]
) -> tuple[Known, Family | None]:
    """Have the server read values of a type; those that it refuses are left out."""
    wanted = tuple(dict.fromkeys(texts))
    read = read_binaries(session, type_name, wanted)
    kept = tuple(t for t in wanted if t in read)
    binaries = tuple(read[t] for t in kept)
    family = family_of(base_type, kept)
    if family is None:
        return Known(kept, binaries, (None,) * len(kept)), None
    keys = tuple(family.decode(t, b) for t, b in zip(kept, binaries, strict=True))
    return Known(kept, binaries, keys), family


def in_order(session: Session, type_name: str, known: Known) -> Known:
    """The same values in the order of their type, if it has one."""
    query = (
        f"SELECT n FROM unnest(%s::text[]) WITH ORDINALITY AS t (v, n) ORDER BY v::{type_name}, n"
    )
    try:
        with session.transaction():
            rows = session.execute(query.encode(), (list(known.texts),)).fetchall()
    except psycopg.Error:  # such as json, or a composite type with one in it
        return known
    order = [number - 1 for (number,) in rows]
    return Known(
        tuple(known.texts[at] for at in order),
        tuple(known.binaries[at] for at in order),
        tuple(known.keys[at] for at in order),
    )


def read_binaries(session: Session, type_name: str, texts: Sequence[str]) -> dict[str, bytes]:
    """The binary form of each value that the type accepts."""
    if not texts:
        return {}
    query = f"SELECT v::{type_name} FROM unnest(%s::text[]) WITH ORDINALITY AS t (v, n) ORDER BY n"
    try:
        with session.transaction(), session.cursor(binary=True) as cursor:
            cursor.execute(query.encode(), (list(texts),))
            result = cursor.pgresult
            assert result is not None
            found = [result.get_value(row, 0) for row in range(result.ntuples)]
    except psycopg.Error:
        if len(texts) == 1:
            return {}
        half = len(texts) // 2
        return {
            **read_binaries(session, type_name, texts[:half]),
            **read_binaries(session, type_name, texts[half:]),
        }
    return {t: bytes(b) for t, b in zip(texts, found, strict=True) if b is not None}


@dataclass(frozen=True, slots=True)
class Mark:
    """A known value in its place; `frequency` of all rows if it is a most common value."""

    text: str
    binary: bytes
    key: Key
    frequency: float | None


@dataclass(frozen=True, slots=True)
class Shape:
    """Marks in order, and per mark the share of the other rows that lies from it to the next."""

    marks: tuple[Mark, ...]
    mass: tuple[float, ...]

    def grown(self, times: float) -> Shape:
        """The same for this many times as many rows, those that are more having values beyond."""
        common = sum(m.frequency or 0.0 for m in self.marks) / times
        others = max(1.0 - common, 1e-9)
        mass = [m * (1.0 / times - common) / others for m in self.mass]
        mass[-1] += (1.0 - 1.0 / times) / others
        marks = (replace(m, frequency=m.frequency and m.frequency / times) for m in self.marks)
        return Shape(tuple(marks), tuple(mass))


def shape_of(
    known: Known, statistics: ColumnStatistics | None, extra: Sequence[str], most: int
) -> Shape:
    """At most `most` known values of a column in order.

    Args:
        known: all values named by the statistics, and the extra ones, as read.
        statistics: of the column.
        extra: further values that must exist, such as those that foreign keys name.
        most: how many there may be: the column's number of distinct values.
    """
    at = known.by_text()
    common = dict(list(_common(statistics, at, known).items())[:most])
    placed = [t for t in (statistics.histogram_bounds if statistics else None) or () if t in at]
    bounds = sorted({k for t in placed if (k := known.keys[at[t]]) is not None}, key=_order)
    room = max(most - len(common), 0)
    if len(bounds) > room:
        bounds = _thinned(bounds, room)
    named: dict[Key, tuple[str, float | None]] = {}
    by_key = {known.keys[at[t]]: t for t in reversed(placed)}
    for key in bounds:
        named[key] = (by_key[key], None)
    for text in extra:
        key_of = known.keys[at[text]] if text in at else None
        if key_of is not None and len(named) < room:
            named.setdefault(key_of, (text, None))
    for text, frequency in common.items():
        key_of = known.keys[at[text]]
        if key_of is not None:
            named[key_of] = (text, frequency)
    keys = sorted(named, key=_order)
    marks = tuple(Mark(named[k][0], known.binaries[at[named[k][0]]], k, named[k][1]) for k in keys)
    return Shape(marks, _masses(keys, bounds))


def _common(
    statistics: ColumnStatistics | None, at: Mapping[str, int], known: Known
) -> dict[str, float]:
    """The most common values that can be placed, with their frequencies."""
    if statistics is None or not statistics.most_common_values:
        return {}
    pairs = zip(statistics.most_common_values, statistics.most_common_freqs or (), strict=False)
    return {t: f for t, f in pairs if t in at and known.keys[at[t]] is not None}


def _order(key: Key) -> tuple[int, str]:
    return (key, "") if isinstance(key, int) else (0, key)


def _thinned(bounds: list[Key], room: int) -> list[Key]:
    if room < 2:
        return bounds[:room]
    last = len(bounds) - 1
    return [bounds[at * last // (room - 1)] for at in range(room)]


def _masses(keys: Sequence[Key], bounds: Sequence[Key]) -> tuple[float, ...]:
    """Per key, the share of a histogram's rows that lies from it up to the next key."""
    if len(bounds) < 2:
        one = len(bounds) == 1
        return tuple(1.0 if one and key == bounds[0] else 0.0 for key in keys)
    ordered = [_order(b) for b in bounds]
    below = []
    for key in keys:
        at = bisect_left(ordered, _order(key))
        if at == 0 or at == len(bounds):
            below.append(0.0 if at == 0 else 1.0)
        else:
            part = fraction(bounds[at - 1], bounds[at], key)
            below.append((at - 1 + part) / (len(bounds) - 1))
    below.append(1.0)
    return tuple(max(b - a, 0.0) for a, b in pairwise(below))
