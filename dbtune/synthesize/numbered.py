"""Keys such as (order, line number): the second column numbers the rows of a group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dbtune.synthesize.order import hashed
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.shelf import CHUNK, Shelf, gathered, in_order, spans
from dbtune.synthesize.spread import Spread

_FEW = 10_000
_SIMILAR = 0.5
_UNLIKE = 0.25
_COUNT_SHIFT = 32
_ROUNDS = 8


def numbered_groups(groups: Spread, members: Spread, size: int, key: int) -> Shelf | None:
    """Ranks of both columns where the second tells how large groups are, of `size` possible ones.

    If most groups have the commonest value of the second column, then as many groups have at
    least k rows as rows have the k-th common value. None where that does not fit the first.
    """
    if int(members.distinct.sum()) > _FEW:
        return None
    values, counts = _values_of(members, 0, int(members.distinct.sum()))
    order = np.lexsort((values, -counts))
    values, at_least = values[order], counts[order]
    own = int(groups.distinct.sum())
    if not at_least[0] or not _SIMILAR < own / at_least[0] < 1 / _SIMILAR:
        return None
    total = max(min(int(at_least[0]), size), own)
    at_least = _clipped(at_least, total)
    ranked = in_order(gathered(3, total, _by_count(groups, own, total, size, key)))
    unlike = sum(int(np.abs(_held(at_least, *s) - ranked.span(2, *s)).sum()) for s in spans(total))
    if unlike > _UNLIKE * 2 * groups.rows:
        return None
    sized = ((ranked.span(1, *s), _held(at_least, *s)) for s in spans(total))
    by_value = in_order(gathered(2, total, sized))
    return gathered(2, int(at_least.sum()), _members(by_value, values))


def _held(at_least: Ints, start: int, end: int) -> Ints:
    """How many rows the groups from `start` on have, the largest being the first."""
    held: Ints = np.searchsorted(-at_least, -np.arange(start + 1, end + 1), "right")
    return held


def _by_count(
    groups: Spread, own: int, total: int, size: int, key: int
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """What to sort groups by, so that the largest come first and equal ones in any order; each
    group's value and rows. After those that have rows come others, evenly from all that have none.
    """
    for start, end in spans(own):
        values, counts = _values_of(groups, start, end)
        tie = (hashed(values, key) >> np.uint64(_COUNT_SHIFT)).astype(np.int64)
        yield (-counts << _COUNT_SHIFT) + tie, values, counts
    for start, end in spans(total - own):
        number = np.arange(start, end)
        wanted = number * (size - own) // (total - own)
        yield (1 << _COUNT_SHIFT) + number, _without(groups, own, wanted), np.zeros_like(number)


def _without(groups: Spread, own: int, numbers: Ints) -> Ints:
    """The values with these numbers among those that no row has."""
    low, high = np.zeros_like(numbers), np.full_like(numbers, own)
    for _ in range(own.bit_length()):
        middle = np.minimum((low + high) // 2, own - 1)
        below = _value_at(groups, middle) - middle <= numbers
        right = below & (low < high)
        high = np.where(right | (low >= high), high, middle)
        low = np.where(right, middle + 1, low)
    return numbers + low


def _members(groups: Shelf, values: Ints) -> Iterator[tuple[Ints, Ints]]:
    """The rows of all groups, each group's with as many of the values as it has rows."""
    for start, end in spans(groups.size):
        own, held = groups.span(0, start, end), groups.span(1, start, end)
        ends = np.cumsum(held)
        for row in range(0, int(ends[-1]), CHUNK):
            rows = np.arange(row, min(row + CHUNK, int(ends[-1])))
            group = np.searchsorted(ends, rows, "right")
            yield own[group], values[rows - ends[group] + held[group]]


def _clipped(at_least: Ints, groups: int) -> Ints:
    """No more groups than there are; the rows that this takes go to the larger groups."""
    clipped = np.minimum(at_least, groups)
    for _ in range(_ROUNDS):
        missing = int((at_least - clipped).sum())
        others = int(clipped[clipped < groups].sum())
        if missing <= 0 or not others:
            break
        grown = np.where(clipped < groups, clipped * (1.0 + missing / others), clipped)
        clipped = np.minimum(np.rint(grown).astype(np.int64), groups)
    missing = max(int((at_least - clipped).sum()), 0)
    taken: Ints = np.diff(np.minimum(np.cumsum(groups - clipped), missing), prepend=0)
    return clipped + taken


def _values_of(spread: Spread, start: int, end: int) -> tuple[Ints, Ints]:
    """Values of a spread by their numbers, in order, and how many rows each has, about."""
    numbers = np.arange(start, end)
    segment = np.searchsorted(np.cumsum(spread.distinct), numbers, "right")
    number = numbers - (np.cumsum(spread.distinct) - spread.distinct)[segment]
    rows: Ints = np.diff(spread.ends, prepend=0)[segment]
    distinct = spread.distinct[segment]
    counts: Ints = (number + 1) * rows // distinct - number * rows // distinct
    return _value_at(spread, numbers), counts


def _value_at(spread: Spread, numbers: Ints) -> Ints:
    segment = np.searchsorted(np.cumsum(spread.distinct), numbers, "right")
    number = numbers - (np.cumsum(spread.distinct) - spread.distinct)[segment]
    values: Ints = (
        spread.first[segment] + number * spread.width[segment] // spread.distinct[segment]
    )
    return values
