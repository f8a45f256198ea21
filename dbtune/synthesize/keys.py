"""Keys of several columns: rows whose combinations are all different."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from dbtune.synthesize.numbered import numbered_groups
from dbtune.synthesize.order import drawn, hashed, shuffled
from dbtune.synthesize.ragged import Ints, Mask
from dbtune.synthesize.shelf import CHUNK, Shelf, gathered, spans
from dbtune.synthesize.spread import Spread, even

_LARGE_GROUP = CHUNK
_REDRAWS = 12
_MOST_COMBINATIONS = 2**61


def unique_together(
    spreads: Sequence[Spread], sizes: Sequence[int], rows: int, key: int
) -> tuple[Shelf, list[int]]:
    """Ranks of a key's columns, all combinations different; and which column each is on the shelf.

    The first column's rows come in groups of equal values. Within a group the second takes evenly
    spaced places of its own distribution (systematic sampling), which keeps both columns'
    frequencies; what still collides is drawn again, and what has no room in its group goes to
    others.
    """
    if len(spreads) == 2:
        if (found := numbered_groups(spreads[0], spreads[1], sizes[0], key)) is not None:
            return found, [0, 1]
        if (found := numbered_groups(spreads[1], spreads[0], sizes[1], key)) is not None:
            return found, [1, 0]
    room = min(prod(sizes[1:]), _MOST_COMBINATIONS)
    first, share = _with_room(spreads[0], sizes[0], room)
    spreads = [first, *spreads[1:]]
    rows = min(rows, first.rows)
    parts = _parts(spreads, sizes, _groups(first, rows, room, share), key)
    return gathered(len(spreads), rows, parts), [*range(len(spreads))]


def _with_room(spread: Spread, size: int, room: int) -> tuple[Spread, float]:
    """The first column's spread, of more values if those that it has lack combinations.

    And the share of free room that is taken by what other values have too much of.
    """
    sizes = np.diff(spread.ends, prepend=0)
    if (2 * sizes <= room * spread.distinct).all():
        return spread, 0.0
    wider = replace(spread, distinct=np.minimum(spread.width, sizes))
    for candidate in (spread, wider, even(size, min(spread.rows, size * room))):
        excess = free = 0
        for _, counts in _runs(candidate, candidate.rows):
            excess += int(np.maximum(counts - room, 0).sum())
            free += int(np.maximum(room - counts, 0).sum())
        if excess <= free:
            break
    return candidate, excess / max(free, 1)


def _runs(spread: Spread, rows: int) -> Iterator[tuple[Ints, Ints]]:
    """The values of a spread's rows in order, and how many rows each has; some at a time."""
    start = 0
    while start < rows:
        end = _group_end(spread, min(start + CHUNK, rows), rows)
        last = _rank(spread, end - 1)
        whole = start + bisect_left(range(start, end), last, key=lambda at: _rank(spread, at))
        values, begins = np.unique(spread.ranks(np.arange(start, whole)), return_index=True)
        counts = np.diff(begins, append=whole - start)
        yield np.append(values, last), np.append(counts, end - whole)
        start = end


def _rank(spread: Spread, place: int) -> int:
    return int(spread.ranks(np.array([place]))[0])


def _group_end(spread: Spread, wanted: int, rows: int) -> int:
    """The end of the group in which row `wanted` - 1 lies."""
    last = _rank(spread, wanted - 1)
    return wanted + bisect_right(range(wanted, rows), last, key=lambda at: _rank(spread, at))


def _groups(spread: Spread, rows: int, room: int, share: float) -> Iterator[tuple[Ints, Ints]]:
    """Values and their rows, none with more than have room; others take what is too much."""
    free_before = 0
    for values, counts in _runs(spread, rows):
        held = np.minimum(counts, room)
        free = free_before + np.cumsum(room - held)
        taken = np.floor(free * share + 0.5)
        yield (
            values,
            held + np.diff(taken, prepend=np.floor(free_before * share + 0.5)).astype(np.int64),
        )
        free_before = int(free[-1])


def _parts(
    spreads: Sequence[Spread], sizes: Sequence[int], groups: Iterator[tuple[Ints, Ints]], key: int
) -> Iterator[list[Ints]]:
    done = 0
    for every_value, every_count in groups:
        large = every_count > _LARGE_GROUP
        for value, count in zip(every_value[large], every_count[large], strict=True):
            yield from _counted_out(spreads, sizes, int(value), int(count))
        values, counts = every_value[~large], every_count[~large]
        ends = np.cumsum(counts)
        first = 0
        while first < len(ends):  # what moved may have made more rows than are worked on at a time
            before = int(ends[first - 1]) if first else 0
            last = max(int(np.searchsorted(ends, before + CHUNK, "right")), first + 1)
            chunk = np.repeat(values[first:last], counts[first:last])
            yield _chunk(spreads, sizes, chunk, done, key)
            done, first = done + len(chunk), last


def _counted_out(
    spreads: Sequence[Spread], sizes: Sequence[int], value: int, count: int
) -> Iterator[list[Ints]]:
    """A large group's combinations in their order; as its second column's statistics say if there
    are two columns, and else evenly.
    """
    room = min(prod(sizes[1:]), _MOST_COMBINATIONS)
    highest = 0
    for start, end in spans(count):
        number = np.arange(start, end)
        if len(spreads) == 2:
            wanted = spreads[1].ranks(_scaled(number, spreads[1].rows / count, spreads[1].rows))
        else:
            wanted = _scaled(number, room / count, room)
        beyond = np.maximum(np.maximum.accumulate(wanted - number), highest)
        highest = int(beyond[-1])
        combination = np.minimum(beyond + number, room - count + number)
        ranks = [np.full(len(number), value)]
        for size in reversed(sizes[1:]):
            combination, rank = np.divmod(combination, size)
            ranks.insert(1, rank)
        yield ranks


def _scaled(numbers: Ints, factor: float, size: int) -> Ints:
    return np.minimum((numbers * factor).astype(np.int64), size - 1)


def _chunk(
    spreads: Sequence[Spread], sizes: Sequence[int], first: Ints, start: int, key: int
) -> list[Ints]:
    """The rows of some whole groups, which are those from `start` on."""
    places = np.arange(start, start + len(first))
    begins = np.flatnonzero(np.diff(first, prepend=-1))
    group = np.cumsum(np.diff(first, prepend=first[:1] - 1) != 0) - 1
    counts = np.diff(np.append(begins, len(first)))
    number = np.arange(len(first)) - begins[group]
    offset = (hashed(first, key) >> np.uint64(11)).astype(np.float64) / 2.0**53
    ranks = [first]
    for at, spread in enumerate(spreads[1:], start=1):
        evenly = at == 1
        share = (number + offset) / counts[group] if evenly else _shares(places, key + at)
        ranks.append(_at_share(spread, share))
    again = _repeated(_combined(ranks))
    crowded = np.isin(group, group[again]).nonzero()[0] if len(again) else again
    for turn in range(_REDRAWS):
        if not len(again):
            return ranks
        for at, spread in enumerate(spreads[1:], start=1):
            salt = key + 101 * (turn + 1) + at
            if turn < _REDRAWS // 2:
                ranks[at][again] = _at_share(spread, _shares(places[again], salt))
            else:
                ranks[at][again] = drawn(places[again], salt, sizes[at])
        again = crowded[_repeated(_combined([r[crowded] for r in ranks]))]
    if not len(again):
        return ranks
    return _enumerated(ranks, sizes, np.isin(group, group[again]), begins[group], key)


def _enumerated(
    ranks: list[Ints], sizes: Sequence[int], crowded: Mask, begins: Ints, key: int
) -> list[Ints]:
    """Groups in which chance found no end get combinations that are counted out instead."""
    room = min(prod(sizes[1:]), _MOST_COMBINATIONS)
    places = np.flatnonzero(crowded)
    number = places - begins[places]
    fits = number < room
    offset = drawn(ranks[0][places], key, room)
    combination = shuffled((number[fits] + offset[fits]) % room, room, key)
    for at in range(len(sizes) - 1, 0, -1):
        combination, ranks[at][places[fits]] = np.divmod(combination, sizes[at])
    keep = np.ones(len(ranks[0]), np.bool_)
    keep[places[~fits]] = False
    return [r[keep] for r in ranks]


def _shares(places: Ints, salt: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (hashed(places, salt) >> np.uint64(11)).astype(np.float64) / 2.0**53


def _at_share(spread: Spread, share: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Ints:
    rows = spread.rows
    return spread.ranks(np.minimum((share * rows).astype(np.int64), rows - 1))


def _combined(columns: Sequence[Ints]) -> Ints:
    total = np.zeros(len(columns[0]), np.int64)
    for ranks in columns:
        total = hashed(total + ranks, 3).astype(np.int64)
    return total


def _repeated(combined: Ints) -> Ints:
    """The places whose value occurred before."""
    order = np.argsort(combined, kind="stable")
    same = combined[order][1:] == combined[order][:-1]
    repeated: Ints = order[1:][same]
    return repeated
