"""Which row has which value: permutations that need no memory.

A row's number goes through a small Feistel network, which is a bijection of [0, size) whatever its
round function (Luby and Rackoff 1988; over a × b instead of powers of two: Black and Rogaway 2002),
so a column's counts come out exactly and a unique column stays unique.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from dbtune.synthesize.ragged import Ints, Mask

_ROUNDS = 4
_LONGEST_STRIPE = 1024
_SCATTER = 617  # odd: a bijection of any stripe, a power of two, that spreads what is kept evenly
_WINDOW = 256


def key_of(seed: int, *names: object) -> int:
    """A key for a permutation, by what it is of; the same on every machine."""
    return zlib.crc32(repr((seed, *names)).encode())


def hashed(numbers: Ints, key: int) -> NDArray[np.uint64]:
    """Each number as 64 well-mixed bits (the finalizer of splitmix64)."""
    mixed = numbers.astype(np.uint64)
    mixed += np.uint64((key * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def drawn(numbers: Ints, key: int, size: int) -> Ints:
    """For each number one of [0, size), evenly, and often the same for two of them."""
    return (hashed(numbers, key) % np.uint64(max(size, 1))).astype(np.int64)


def shuffled(numbers: Ints, size: int, key: int) -> Ints:
    """A bijection of [0, size)."""
    if size < 2:
        return np.zeros_like(numbers)
    left_size = isqrt(size - 1) + 1
    right_size = -(-size // left_size)
    current = _feistel(numbers, left_size, right_size, key)
    outside = np.flatnonzero(current >= size)
    while len(outside):  # walk on along the cycle until inside again
        current[outside] = _feistel(current[outside], left_size, right_size, key)
        outside = outside[current[outside] >= size]
    return current


def _feistel(numbers: Ints, left_size: int, right_size: int, key: int) -> Ints:
    left, right = np.divmod(numbers, right_size)
    for turn in range(_ROUNDS):
        left = (left + drawn(right, key + 2 * turn, left_size)) % left_size
        right = (right + drawn(left, key + 2 * turn + 1, right_size)) % right_size
    return left * right_size + right


@dataclass(frozen=True, slots=True)
class Order:
    """The rank that each row has in the order of a column's values.

    `correlation` is that of pg_stats: this share of the rows lie where sorting would put them, the
    others anywhere.
    """

    size: int
    correlation: float
    key: int

    def ranks(self, rows: Ints) -> Ints:
        """A bijection of [0, size)."""
        stripe = min(max(1 << max(self.size.bit_length() - 4, 0), 1), _LONGEST_STRIPE)
        kept = round(abs(self.correlation) * stripe)
        if kept >= stripe:
            ranks = rows.copy()
        elif kept == 0:
            ranks = shuffled(rows, self.size, self.key)
        else:
            ranks = self._partly_sorted(rows, kept, stripe)
        return self.size - 1 - ranks if self.correlation < 0 else ranks

    def _partly_sorted(self, rows: Ints, kept: int, length: int) -> Ints:
        whole = self.size // length * length  # an incomplete stripe at the end stays sorted
        stripe, place = np.divmod(rows, length)
        scattered = place * _SCATTER % length
        moving = (scattered >= kept) & (rows < whole)
        per_stripe = length - kept
        numbers = stripe[moving] * per_stripe + scattered[moving] - kept
        moved = shuffled(numbers, whole // length * per_stripe, self.key)
        to_stripe, to_scattered = np.divmod(moved, per_stripe)
        ranks = rows.copy()
        back = pow(_SCATTER, -1, length)
        ranks[moving] = to_stripe * length + (to_scattered + kept) * back % length
        return ranks


def present(rows: Ints, size: int, count: int, key: int) -> tuple[Ints, Mask | None]:
    """Which `count` of `size` rows have a value, evenly among the others, and their numbers.

    The numbers are a bijection to [0, count) that keeps the order of rows but for a few hundred
    places, so that physical order survives. None: all rows have one.
    """
    if count >= size:
        return rows, None
    window, place = np.divmod(rows, _WINDOW)
    length = np.minimum(_WINDOW, size - window * _WINDOW)
    moved = window * _WINDOW + (place * ((key >> 8) | 1) + key) % _WINDOW
    rows = np.where(length == _WINDOW, moved, window * _WINDOW + (place + key) % length)
    # As in Bresenham's lines: a row has a value where the running share passes a whole number.
    numbers = rows * count // size
    mask = (rows + 1) * count // size > numbers
    return numbers[mask], mask
