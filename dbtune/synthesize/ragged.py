"""Byte strings of many rows as arrays, and rows of them as blocks of COPY BINARY."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

_NULL = np.frombuffer(b"\xff\xff\xff\xff", np.uint8)


@dataclass(frozen=True, slots=True)
class Ragged:
    """Byte strings laid end to end in `content`; `lengths` says how long each is."""

    content: Bytes
    lengths: Ints

    @classmethod
    def of(cls, strings: Sequence[bytes]) -> Ragged:
        content = np.frombuffer(b"".join(strings), np.uint8)
        return cls(content, np.fromiter(map(len, strings), np.int64, len(strings)))

    @property
    def starts(self) -> Ints:
        """Where each string begins in `content`."""
        return _starts(self.lengths)

    def take(self, places: Ints) -> Ragged:
        """The strings at these places, in this order; a place may come often."""
        lengths = self.lengths[places]
        return Ragged(self.content[_spans(self.starts[places], lengths)], lengths)


Encoded = Ragged | Bytes
"""Values in their type's binary form: of any lengths, or a row of bytes each."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a block: the values of the rows that have one; `present` None: all have."""

    values: Encoded
    present: Mask | None = None

    def lengths(self, rows: int) -> Ints:
        """The length of each row's value; 0 for null."""
        if isinstance(self.values, Ragged):
            own = self.values.lengths
        else:
            own = np.full(len(self.values), self.values.shape[1], np.int64)
        if self.present is None:
            return own
        lengths = np.zeros(rows, np.int64)
        lengths[self.present] = own
        return lengths


def copy_block(fields: Sequence[Field], rows: int) -> memoryview:
    """Rows as COPY BINARY wants them, without the header."""
    lengths = [field.lengths(rows) for field in fields]
    sizes = np.full(rows, 2 + 4 * len(fields), np.int64)
    for of_column in lengths:
        sizes += of_column
    at = _starts(sizes)
    block = np.empty(int(sizes.sum()), np.uint8)
    block[at] = len(fields) >> 8
    block[at + 1] = len(fields) & 255
    at += 2
    for field, of_column in zip(fields, lengths, strict=True):
        _write(block, at, field, of_column)
        at += 4 + of_column
    return block.data


def _write(block: Bytes, at: Ints, field: Field, lengths: Ints) -> None:
    here = at
    if field.present is not None:
        block[at[~field.present][:, None] + np.arange(4)] = _NULL
        here, lengths = at[field.present], lengths[field.present]
    if isinstance(field.values, Ragged):
        block[here[:, None] + np.arange(4)] = big_endian(lengths, 4)
        block[_spans(here + 4, lengths)] = field.values.content
    else:
        width = field.values.shape[1]
        whole = np.empty((len(here), 4 + width), np.uint8)
        whole[:, :4] = np.frombuffer(width.to_bytes(4, "big"), np.uint8)
        whole[:, 4:] = field.values
        block[here[:, None] + np.arange(4 + width)] = whole


def big_endian(numbers: Ints, width: int) -> Bytes:
    """Whole numbers as signed big-endian bytes, one row each."""
    return np.ascontiguousarray(numbers.astype(f">i{width}")).view(np.uint8).reshape(-1, width)


def joined(prefix: Encoded, rest: Encoded) -> Ragged:
    """Each string of `prefix` followed by that of `rest`."""
    first, second = as_ragged(prefix), as_ragged(rest)
    lengths = first.lengths + second.lengths
    content = np.empty(int(lengths.sum()), np.uint8)
    starts = _starts(lengths)
    content[_spans(starts, first.lengths)] = first.content
    content[_spans(starts + first.lengths, second.lengths)] = second.content
    return Ragged(content, lengths)


def as_ragged(values: Encoded) -> Ragged:
    """The same values as strings of their own lengths."""
    if isinstance(values, Ragged):
        return values
    return Ragged(values.reshape(-1), np.full(len(values), values.shape[1], np.int64))


def _starts(lengths: Ints) -> Ints:
    starts = np.zeros(len(lengths), np.int64)
    np.cumsum(lengths[:-1], out=starts[1:])
    return starts


def _spans(starts: Ints, lengths: Ints) -> Ints:
    """The places of all bytes of strings that begin at `starts`."""
    total = int(lengths.sum())
    places = np.repeat(starts - _starts(lengths), lengths)
    places += np.arange(total)
    return places
