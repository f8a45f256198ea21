"""What fills a column: from row numbers to ranks of its domain."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dbtune.synthesize.domain import Domain
from dbtune.synthesize.family import Key
from dbtune.synthesize.order import Order, drawn, hashed, present
from dbtune.synthesize.ragged import Encoded, Ints, Mask
from dbtune.synthesize.shelf import Shelf, Sorted
from dbtune.synthesize.spread import Spread


class Fill(Protocol):
    """A column's values as a function of the row."""

    @property
    def domain(self) -> Domain: ...

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        """The rank of each row that has a value, and which have one (None: all)."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Values spread and ordered as statistics say, whatever the row's other columns hold."""

    domain: Domain
    spread: Spread
    order: Order
    rows: int

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        if self.order.size == 0:
            return np.empty(0, np.int64), np.zeros(len(rows), np.bool_)
        numbers, mask = present(rows, self.rows, self.order.size, self.order.key)
        return self.spread.ranks(self.order.ranks(numbers)), mask


@dataclass(frozen=True, slots=True)
class Stored:
    """Ranks that were worked out for the whole table: a column of them, ordered by `order`."""

    domain: Domain
    stored: Shelf
    column: int
    order: Order

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        return self.stored.read(self.column, self.order.ranks(rows)), None


@dataclass(frozen=True, slots=True)
class Picked:
    """One column of a foreign key of several: the rows pick rows of the referenced table.

    `leads` fill the columns that decide which; among several rows that fit, any. `keys` has a
    number made of these, by which it is sorted, and the other columns.
    """

    domain: Domain
    leads: tuple[Fill, ...]
    keys: Sorted
    column: int
    key: int

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        lead, mask = lead_of(self.leads, rows)
        own = rows if mask is None else rows[mask]
        begin, end = self.keys.find(lead)
        count = end - begin
        fits = count > 0
        chosen = begin + drawn(own, self.key, 1 << 40) % np.maximum(count, 1)
        ranks = self.keys.shelf.read(1 + self.column, chosen[fits])
        if fits.all():
            return ranks, mask
        whole = np.zeros(len(rows), np.bool_)
        whole[np.flatnonzero(fits) if mask is None else np.flatnonzero(mask)[fits]] = True
        return ranks, whole


def lead_of(fills: tuple[Fill, ...], rows: Ints) -> tuple[Ints, Mask | None]:
    """One number per row that has a value in all of the columns, the same for the same values."""
    total = np.zeros(len(rows), np.int64)
    all_present = np.ones(len(rows), np.bool_)
    for turn, fill in enumerate(fills):
        ranks, mask = fill.ranks(rows)
        full = np.zeros(len(rows), np.int64)
        if mask is None:
            full = ranks
        else:
            full[mask] = ranks
            all_present &= mask
        total = full if turn == 0 else hashed(total, 5).astype(np.int64) + full
    return (total, None) if all_present.all() else (total[all_present], all_present)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The values of a domain that a unique column really has: what may refer to it."""

    inner: Domain
    spread: Spread
    kept: Shelf | None = None

    @property
    def size(self) -> int:
        return self.spread.rows if self.kept is None else self.kept.size

    def locate(self, text: str, key: Key | None) -> int | None:
        rank = self.inner.locate(text, key)
        if rank is None or not self.size:
            return None
        return min(bisect_left(range(self.size), rank, key=self._rank), self.size - 1)

    def encode(self, ranks: Ints) -> Encoded:
        return self.inner.encode(self.inner_ranks(ranks))

    def inner_ranks(self, places: Ints) -> Ints:
        return self.spread.ranks(places) if self.kept is None else self.kept.read(0, places)

    def _rank(self, place: int) -> int:
        return int(self.inner_ranks(np.array([place]))[0])


@dataclass(frozen=True, slots=True)
class Translated:
    """A fill over chosen values of a domain, told in ranks of the whole domain."""

    fill: Fill
    chosen: Chosen

    @property
    def domain(self) -> Domain:
        return self.chosen.inner

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        ranks, mask = self.fill.ranks(rows)
        return self.chosen.inner_ranks(ranks), mask


def may_be_null(fill: Fill) -> bool:
    """False if every row surely has a value."""
    return not isinstance(fill, Stored) and not (
        isinstance(fill, Drawn) and fill.order.size >= fill.rows
    )
