"""Whole numbers of more rows than memory should hold: in a file, mapped only while it is read."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dbtune.errors import BadInput
from dbtune.synthesize.ragged import Ints

CHUNK = 500_000
"""How many rows are worked on at a time."""
_IN_MEMORY = 500_000
_PIECE = 1024  # places whose pages are resident at once: each brings up to 64 KiB
_SAMPLE = 65_536
_NUMBER = 8
_BETWEEN = 4096


class _Scratch:
    """A file without a name, closed when nothing refers to it any more."""

    def __init__(self, size: int) -> None:
        self._file = tempfile.TemporaryFile(prefix="dbtune-", buffering=0)  # noqa: SIM115
        self._file.truncate(size)

    def fileno(self) -> int:
        return self._file.fileno()

    def __del__(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Columns of whole numbers, `size` rows of `capacity`.

    Few are an array; of many, in a file that is gone when we are, only what is being read or
    written takes memory.
    """

    columns: int
    size: int
    capacity: int
    _held: Ints | _Scratch

    @classmethod
    def empty(cls, columns: int, capacity: int) -> Shelf:
        """Room for rows, none of them written."""
        if capacity <= _IN_MEMORY:
            return cls(columns, capacity, capacity, np.zeros((columns, capacity), np.int64))
        return cls(columns, capacity, capacity, _Scratch(columns * capacity * _NUMBER))

    def cut(self, size: int) -> Shelf:
        """The first rows."""
        return replace(self, size=size)

    def write(self, start: int, *values: Ints, column: int = 0) -> None:
        """Set rows from `start` on, in as many columns as there are values, from `column` on.

        Raises:
            BadInput: the disk is full.
        """
        for at, numbers in enumerate(values, start=column):
            if isinstance(self._held, np.ndarray):
                self._held[at, start : start + len(numbers)] = numbers
                continue
            left = memoryview(numbers.astype(np.int64).tobytes())
            place = (at * self.capacity + start) * _NUMBER
            while left:
                try:
                    written = os.pwrite(self._held.fileno(), left, place)
                except OSError as error:
                    raise BadInput(
                        f"The keys of a large table do not fit into {tempfile.gettempdir()}: "
                        f"{error.strerror}.",
                        "Free some space there, or set TMPDIR to a folder with more.",
                    ) from None
                left, place = left[written:], place + written

    def span(self, column: int, start: int, end: int) -> Ints:
        """A column of consecutive rows."""
        if isinstance(self._held, np.ndarray):
            return self._held[column, start:end]
        place = (column * self.capacity + start) * _NUMBER
        count = max(end - start, 0) * _NUMBER
        return np.frombuffer(os.pread(self._held.fileno(), count, place), np.int64)

    def read(self, column: int, rows: Ints) -> Ints:
        """A column of any rows."""
        if isinstance(self._held, np.ndarray):
            found: Ints = self._held[column, rows]
            return found
        found = np.empty(len(rows), np.int64)
        for places in _pieces(rows):
            found[places] = self.mapped(column)[rows[places]]
        return found

    def mapped(self, column: int) -> Ints:
        """A view of a whole column; what it made resident is let go with it."""
        if isinstance(self._held, np.ndarray):
            held: Ints = self._held[column]
            return held
        mapped = mmap.mmap(self._held.fileno(), 0, access=mmap.ACCESS_READ)
        offset = column * self.capacity * _NUMBER
        return np.frombuffer(mapped, np.int64, self.capacity, offset)


def _pieces(numbers: Ints) -> Iterator[Ints]:
    """The places of numbers in their order, some at a time, so that neighbours come together."""
    order = np.argsort(numbers, kind="stable")
    for start in range(0, len(order), _PIECE):
        yield order[start : start + _PIECE]


def spans(size: int) -> Iterator[tuple[int, int]]:
    """All rows, some at a time: from where to where."""
    for start in range(0, size, CHUNK):
        yield start, min(start + CHUNK, size)


def in_order(shelf: Shelf) -> Shelf:
    """The same rows sorted by the first column, equal ones as they were.

    Rows are dealt into parts by what a sample tells, then each part is sorted by itself.
    """
    edges = _edges(shelf)
    counts = np.zeros(len(edges) + 1, np.int64)
    for start, end in spans(shelf.size):
        part = np.searchsorted(edges, shelf.span(0, start, end), "right")
        counts += np.bincount(part, minlength=len(counts))
    ends = np.cumsum(counts)
    dealt = _dealt(shelf, edges, ends - counts) if len(edges) else shelf
    found = dealt if len(edges) else Shelf.empty(shelf.columns, shelf.size)
    for at, (count, end) in enumerate(zip(counts.tolist(), ends.tolist(), strict=True)):
        alike = 0 < at < len(edges) and edges[at] == edges[at - 1] + 1
        if count and not alike:
            values = [dealt.span(c, end - count, end) for c in range(shelf.columns)]
            order = np.argsort(values[0], kind="stable")
            found.write(end - count, *(v[order] for v in values))
    return found


def _edges(shelf: Shelf) -> Ints:
    """Numbers that part the rows into lots of bounded size, but for lots of one number only."""
    parts = -(-shelf.size // CHUNK)
    if parts < 2:
        return np.empty(0, np.int64)
    places = np.random.default_rng(shelf.size).integers(0, shelf.size, _SAMPLE)
    sample = np.sort(shelf.read(0, places))
    edges = sample[np.arange(1, parts) * len(sample) // parts]
    following = edges[edges < np.iinfo(np.int64).max] + 1
    return np.unique(np.concatenate([edges, following]))


def _dealt(shelf: Shelf, edges: Ints, begins: Ints) -> Shelf:
    found, free = Shelf.empty(shelf.columns, shelf.size), begins.copy()
    for start, end in spans(shelf.size):
        values = [shelf.span(c, start, end) for c in range(shelf.columns)]
        part = np.searchsorted(edges, values[0], "right")
        order = np.argsort(part, kind="stable")
        values = [v[order] for v in values]
        counts = np.bincount(part, minlength=len(free))
        lasts = np.cumsum(counts)
        for at in np.flatnonzero(counts).tolist():
            lot = slice(lasts[at] - counts[at], lasts[at])
            found.write(int(free[at]), *(v[lot] for v in values))
        free += counts
    return found


def gathered(columns: int, capacity: int, parts: Iterator[Sequence[Ints]]) -> Shelf:
    """What comes in parts, each of as many columns, laid end to end."""
    shelf, done = Shelf.empty(columns, capacity), 0
    for part in parts:
        shelf.write(done, *part)
        done += len(part[0])
    return shelf.cut(done)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows in the order of their first column, of which `every` holds one in some thousands."""

    shelf: Shelf
    every: Ints

    @classmethod
    def of(cls, shelf: Shelf) -> Sorted:
        """The same rows in order."""
        ordered = in_order(shelf)
        return cls(ordered, ordered.read(0, np.arange(0, shelf.size, _BETWEEN)))

    def find(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Where the rows that have these numbers begin, and where they end."""
        begin, end = np.empty_like(numbers), np.empty_like(numbers)
        for places in _pieces(numbers):
            lead, wanted = self.shelf.mapped(0), numbers[places]
            begin[places] = self._bisected(lead, wanted, "left")
            end[places] = self._bisected(lead, wanted, "right")
        return begin, end

    def _bisected(self, lead: Ints, numbers: Ints, side: Literal["left", "right"]) -> Ints:
        """As np.searchsorted, but every number is sought in a few pages."""
        after = np.searchsorted(self.every, numbers, side)
        low = np.maximum((after - 1) * _BETWEEN, 0)
        high = np.minimum(after * _BETWEEN, self.shelf.size)
        while (low < high).any():
            middle = (low + high) // 2
            found = lead[np.minimum(middle, self.shelf.size - 1)]
            below = found < numbers if side == "left" else found <= numbers
            right = below & (low < high)
            high = np.where(right | (low >= high), high, middle)
            low = np.where(right, middle + 1, low)
        return low
