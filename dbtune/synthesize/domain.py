"""A column's distinct values in order, each made from its rank when it is wanted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dbtune.synthesize.family import Key, Whole
from dbtune.synthesize.order import hashed
from dbtune.synthesize.ragged import Bytes, Encoded, Ints, Ragged, as_ragged, joined

_LETTERS = np.frombuffer(
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_", np.uint8
)


class Domain(Protocol):
    """`size` values; `encode` makes the binary forms of ranks."""

    @property
    def size(self) -> int: ...

    def encode(self, ranks: Ints) -> Encoded: ...

    def locate(self, text: str, key: Key | None) -> int | None:
        """The rank of a value or of its nearest neighbour; None if that cannot be told."""
        ...


@dataclass(frozen=True, slots=True)
class Marks:
    """Known values in order; `starts` is the rank of each, and at the end the number of all."""

    keys: Sequence[Key]
    places: Mapping[str, int]
    starts: Ints

    def locate(self, text: str, key: Key | None) -> int | None:
        if text in self.places:
            return self.places[text]
        if key is None or not self.keys or type(key) is not type(self.keys[0]):
            return None
        at = bisect_right(self.keys, key) - 1
        if at < 0:
            return 0
        between = int(self.starts[at + 1] - self.starts[at])
        return int(self.starts[at]) + between // 2

    def segments(self, ranks: Ints) -> tuple[Ints, Ints]:
        """Which mark each rank belongs to, and how many values lie between."""
        at = np.searchsorted(self.starts, ranks, "right") - 1
        return at, ranks - self.starts[at]


@dataclass(frozen=True, slots=True)
class WholeNumbers:
    """Marks and, after each, values in even distances up to the next.

    Value number k after a mark is the mark + step × (k × slots ÷ count), so no two are equal as
    long as count ≤ slots.
    """

    family: Whole
    marks: Marks
    first: Ints
    slots: Ints
    step: int
    exact: Mapping[int, bytes]

    @property
    def size(self) -> int:
        return int(self.marks.starts[-1])

    def locate(self, text: str, key: Key | None) -> int | None:
        return self.marks.locate(text, key)

    def keys(self, ranks: Ints) -> Ints:
        """The numbers that stand for the values with these ranks."""
        at, place = self.marks.segments(ranks)
        count = np.diff(self.marks.starts)[at]
        whole, rest = np.divmod(self.slots[at], count)
        steps = place * whole + place * rest // count
        keys: Ints = self.first[at] + steps * self.step
        return keys

    def at_least(self, keys: Ints) -> Ints:
        """The rank of the first value that is not below each number; the last if all are."""
        at = np.maximum(np.searchsorted(self.first, keys, "right") - 1, 0)
        count = np.diff(self.marks.starts)[at]
        steps = np.maximum(-((self.first[at] - keys) // self.step), 0)
        place = np.ceil(steps / self.slots[at] * count).astype(np.int64)
        ranks = np.minimum(self.marks.starts[at] + np.minimum(place, count), self.size - 1)
        below = self.keys(ranks) < keys  # by a rounding
        found: Ints = np.minimum(ranks + below, self.size - 1)
        return found

    def encode(self, ranks: Ints) -> Encoded:
        at, place = self.marks.segments(ranks)
        form = self.family.encode(self.keys(ranks))
        for mark, binary in self.exact.items():
            form[(at == mark) & (place == 0)] = np.frombuffer(binary, np.uint8)
        return form


@dataclass(frozen=True, slots=True)
class Pool:
    """Values as they are, each in its binary form."""

    values: Ragged
    places: Mapping[str, int]

    @property
    def size(self) -> int:
        return len(self.values.lengths)

    def locate(self, text: str, key: Key | None) -> int | None:
        del key
        return self.places.get(text)

    def encode(self, ranks: Ints) -> Encoded:
        return self.values.take(ranks)


@dataclass(frozen=True, slots=True)
class Filler:
    """Any number of strings of which only the width is known: a code, then random letters.

    `before` and `after` make a document of it. Random letters hardly compress, as the values
    whose stored width was measured did.
    """

    size: int
    width: int
    before: bytes = b""
    after: bytes = b""
    key: int = 0

    def locate(self, text: str, key: Key | None) -> int | None:
        del text, key
        return None

    def encode(self, ranks: Ints) -> Encoded:
        room = max(self.width - len(self.before) - len(self.after), 1)
        coded = min(room, _digits_for(self.size))
        whole = np.empty((len(ranks), len(self.before) + coded), np.uint8)
        whole[:, : len(self.before)] = np.frombuffer(self.before, np.uint8)
        number = ranks
        for place in range(coded - 1, -1, -1):
            number, digit = np.divmod(number, 36)
            whole[:, len(self.before) + place] = _LETTERS[digit]
        tail = room - coded
        if tail == 0 and not self.after:
            return whole
        noise = _noise(tail + 4096, self.key)
        starts = (hashed(ranks, self.key) & np.uint64(4095)).astype(np.int64)
        letters = sliding_window_view(noise, tail)[starts]
        end = np.tile(np.frombuffer(self.after, np.uint8), (len(ranks), 1))
        return np.hstack([whole, letters, end])


@dataclass(frozen=True, slots=True)
class Union:
    """The values of several domains, one after the other: the keys of a partitioned table."""

    parts: tuple[Domain, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def locate(self, text: str, key: Key | None) -> int | None:
        before = 0
        for part in self.parts:
            found = part.locate(text, None) if part.size else None
            if found is not None:
                return before + found
            before += part.size
        del key
        return None

    def encode(self, ranks: Ints) -> Encoded:
        values = Ragged(np.empty(0, np.uint8), np.empty(0, np.int64))
        order = np.empty(len(ranks), np.int64)
        before = done = 0
        for part in self.parts:
            inside = np.flatnonzero((ranks >= before) & (ranks < before + part.size))
            if len(inside):
                made = as_ragged(part.encode(ranks[inside] - before))
                values = Ragged(
                    np.concatenate([values.content, made.content]),
                    np.concatenate([values.lengths, made.lengths]),
                )
                order[inside] = np.arange(done, done + len(inside))
                done += len(inside)
            before += part.size
        return values.take(order)


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A domain whose binary form begins with fixed bytes (the version of jsonb)."""

    inner: Domain
    prefix: bytes

    @property
    def size(self) -> int:
        return self.inner.size

    def locate(self, text: str, key: Key | None) -> int | None:
        return self.inner.locate(text, key)

    def encode(self, ranks: Ints) -> Encoded:
        head = np.tile(np.frombuffer(self.prefix, np.uint8), (len(ranks), 1))
        return joined(head, self.inner.encode(ranks))


def _digits_for(size: int) -> int:
    digits = 1
    while 36**digits < size:
        digits += 1
    return digits


def _noise(size: int, key: int) -> Bytes:
    return _LETTERS[(hashed(np.arange(size), key) & np.uint64(63)).astype(np.int64)]
