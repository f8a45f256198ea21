"""Keys of several columns: rows whose combinations are all different."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from math import prod

import numpy as np

from dbtune.synthesize.fill import Fill, KeyRows, lead_of
from dbtune.synthesize.order import drawn, hashed, shuffled
from dbtune.synthesize.ragged import Ints, Mask
from dbtune.synthesize.spread import Spread

_CHUNK = 1_000_000
_IN_MEMORY = 8_000_000
_REDRAWS = 12
_FEW = 10_000
_MANY = 20_000_000
_SIMILAR = 0.5
_UNLIKE = 0.25
_MOST_COMBINATIONS = 2**61


def whole_array(size: int) -> Ints:
    """Room for a number per row; in a file that is gone when we are, if it is much."""
    if size <= _IN_MEMORY:
        return np.empty(size, np.int64)
    with tempfile.TemporaryFile(prefix="dbtune-") as file:
        return np.memmap(file, np.int64, "w+", shape=(size,))


def unique_together(
    spreads: Sequence[Spread], sizes: Sequence[int], rows: int, key: int
) -> list[Ints]:
    """Ranks for each column of a key, all combinations different, in the order of the first.

    The first column's rows come in groups of equal values. Within a group the second takes evenly
    spaced places of its own distribution (systematic sampling), which keeps both columns'
    frequencies; what still collides is drawn again, and left out if there is no room.
    """
    if len(spreads) == 2:
        if by_size := _by_group_size(spreads[0], spreads[1], sizes[0], key):
            return list(by_size)
        if by_size := _by_group_size(spreads[1], spreads[0], sizes[1], key):
            return list(by_size[::-1])
    first = _with_room(spreads[0], sizes)
    if first is not None:
        spreads = [first, *spreads[1:]]
        rows = first.rows
    found = [whole_array(rows) for _ in spreads]
    done = start = 0
    while start < rows:
        end = _group_end(spreads[0], start, min(start + _CHUNK, rows), rows)
        chunk = _chunk(spreads, sizes, np.arange(start, end), key)
        count = len(chunk[0])
        for target, ranks in zip(found, chunk, strict=True):
            target[done : done + count] = ranks
        done, start = done + count, end
    return [ranks[:done] for ranks in found]


def _with_room(spread: Spread, sizes: Sequence[int]) -> Spread | None:
    """The first column's spread with no value more often than the others have combinations.

    None if there is room for all. What is too much goes to the values that have room.
    """
    room = prod(sizes[1:])
    if sizes[0] > _MANY or room > _MANY:
        return None
    values, counts = _values_of(spread)
    if 2 * int(counts.max(initial=0)) <= room:
        return None
    excess = int(np.maximum(counts - room, 0).sum())
    held = np.zeros(sizes[0], np.int64)
    held[values] = np.minimum(counts, room)
    free = np.cumsum(room - held)
    taken = np.rint(free * (min(excess, int(free[-1])) / max(int(free[-1]), 1))).astype(np.int64)
    held += np.diff(taken, prepend=0)
    kept = np.flatnonzero(held)
    one = np.ones(len(kept), np.int64)
    return Spread(np.cumsum(held[kept]), kept, one, one)


def _by_group_size(
    groups: Spread, members: Spread, size: int, key: int
) -> tuple[Ints, Ints] | None:
    """Keys such as (order, line number), where the second column tells how large groups are.

    If most groups have the commonest value of the second column, then as many groups have at
    least k rows as rows have the k-th common value. None where that does not fit the first.
    """
    if int(members.distinct.sum()) > _FEW or int(groups.distinct.sum()) > _MANY:
        return None
    values, at_least = _most_common_first(members)
    own, counts = _most_common_first(groups, key)
    if not _SIMILAR < len(own) / at_least[0] < 1 / _SIMILAR:
        return None
    wanted = min(int(at_least[0]), size)
    if wanted > len(own):
        others = np.setdiff1d(np.arange(size), own, assume_unique=True)
        more = wanted - len(own)
        own = np.concatenate([own, others[np.arange(more) * len(others) // more]])
        counts = np.concatenate([counts, np.zeros(more, np.int64)])
    at_least = _clipped(at_least, len(own))
    held = np.searchsorted(-at_least, -np.arange(1, len(own) + 1), "right")
    if np.abs(held - counts).sum() > _UNLIKE * 2 * counts.sum():
        return None
    order = np.argsort(own, kind="stable")
    own, held = own[order], held[order]
    number = np.arange(int(held.sum())) - np.repeat(np.cumsum(held) - held, held)
    return np.repeat(own, held), values[number]


def _clipped(at_least: Ints, groups: int) -> Ints:
    """No more groups than there are; the rows that this takes go to the larger groups."""
    clipped = np.minimum(at_least, groups)
    missing = int((at_least - clipped).sum())
    others = int(clipped[clipped < groups].sum())
    if missing and others:
        grown = np.where(clipped < groups, clipped * (1.0 + missing / others), clipped)
        clipped = np.minimum(np.rint(grown).astype(np.int64), groups)
    return clipped


def _most_common_first(spread: Spread, key: int | None = None) -> tuple[Ints, Ints]:
    """Every value of a spread with its rows; equally common ones in order, or with a key in any."""
    values, counts = _values_of(spread)
    order = np.lexsort((values if key is None else hashed(values, key), -counts))
    return values[order], counts[order]


def _values_of(spread: Spread) -> tuple[Ints, Ints]:
    """Every value of a spread in order, and how many rows each has, about."""
    total = int(spread.distinct.sum())
    segment = np.repeat(np.arange(len(spread.ends)), spread.distinct)
    number = np.arange(total) - np.repeat(
        np.cumsum(spread.distinct) - spread.distinct, spread.distinct
    )
    rows = np.diff(spread.ends, prepend=0)[segment]
    distinct = spread.distinct[segment]
    values = spread.first[segment] + number * spread.width[segment] // distinct
    counts = (number + 1) * rows // distinct - number * rows // distinct
    return values, counts


def _group_end(spread: Spread, start: int, wanted: int, rows: int) -> int:
    """The end of the group in which row `wanted` - 1 lies."""
    if wanted >= rows:
        return rows
    last = int(spread.ranks(np.array([wanted - 1]))[0])
    low, high = wanted, rows
    while low < high:
        middle = (low + high) // 2
        if int(spread.ranks(np.array([middle]))[0]) > last:
            high = middle
        else:
            low = middle + 1
    return max(low, start + 1)


def _chunk(spreads: Sequence[Spread], sizes: Sequence[int], places: Ints, key: int) -> list[Ints]:
    first = spreads[0].ranks(places)
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


def first_of_each(fills: Sequence[Fill], rows: Ints) -> Ints:
    """Of rows with equal values in all columns only the first; nulls are never equal."""
    combined, kept_anyway = whole_array(len(rows)), []
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        lead, mask = lead_of(tuple(fills), chunk)
        if mask is None:
            combined[start : start + len(chunk)] = lead
        else:
            part = hashed(chunk, 77).astype(np.int64)
            part[mask] = lead
            combined[start : start + len(chunk)] = part
            kept_anyway.append(start + np.flatnonzero(~mask))
    repeated = _repeated(np.asarray(combined))
    if not len(repeated):
        return rows
    keep = np.ones(len(rows), np.bool_)
    keep[repeated] = False
    for places in kept_anyway:
        keep[places] = True
    return rows[keep]


def key_rows(fills: Sequence[Fill], leads: int, kept: Ints | None, rows: int) -> KeyRows:
    """The keys of a table's rows, sorted by their first `leads` columns; none has a null.

    Worked out chunk by chunk, so that only the order of the rows is held in memory.
    """
    size = rows if kept is None else len(kept)
    lead, columns = whole_array(size), [whole_array(size) for _ in fills[leads:]]
    done = 0
    for start in range(0, size, _CHUNK):
        end = min(start + _CHUNK, size)
        chunk = np.arange(start, end) if kept is None else kept[start:end]
        present = lead_of(tuple(fills), chunk)[1]
        chunk = chunk if present is None else chunk[present]
        after = done + len(chunk)
        lead[done:after] = lead_of(tuple(fills[:leads]), chunk)[0]
        for column, fill in zip(columns, fills[leads:], strict=True):
            column[done:after] = fill.ranks(chunk)[0]
        done = after
    order = np.argsort(lead[:done], kind="stable")
    return KeyRows(_taken(lead, order), tuple(_taken(column, order) for column in columns))


def _taken(values: Ints, order: Ints) -> Ints:
    taken = whole_array(len(order))
    for start in range(0, len(order), _CHUNK):
        taken[start : start + _CHUNK] = values[order[start : start + _CHUNK]]
    return taken
