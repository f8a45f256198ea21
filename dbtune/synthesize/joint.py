"""Columns whose values go together, as extended statistics and checks say.

Two fills for it: whole combinations drawn with the frequencies that they have on the target, and a
column that follows another. Both keep what each column's own statistics say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dbtune.synthesize.domain import Domain, WholeNumbers
from dbtune.synthesize.fill import Drawn
from dbtune.synthesize.order import Order, drawn, hashed, shuffled
from dbtune.synthesize.ragged import Ints, Mask
from dbtune.synthesize.spread import Spread

_FINE = 2.0**53


@dataclass(frozen=True, slots=True)
class Combined:
    """One column of those whose combinations are known.

    The rows, in `order`, first have the combinations, number i up to `ends[i]` and there the rank
    `values[i]` (-1: null); the rest have what is left of the column's own values.
    """

    domain: Domain
    values: Ints
    ends: Ints
    rest: Spread
    rest_present: int
    order: Order
    key: int

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        places = self.order.ranks(rows)
        taken = int(self.ends[-1])
        found = np.full(len(rows), -1, np.int64)
        inside = places < taken
        found[inside] = self.values[np.searchsorted(self.ends, places[inside], "right")]
        outside = np.flatnonzero(~inside)
        others = shuffled(places[outside] - taken, self.order.size - taken, self.key)
        has = others < self.rest_present
        found[outside[has]] = self.rest.ranks(others[has] * self.rest.rows // self.rest_present)
        mask = found >= 0
        return (found, None) if mask.all() else (found[mask], mask)


def combined(column: Drawn, values: Ints, counts: Ints, order: Order, key: int) -> Combined:
    """A column's part of combinations that have these numbers of rows."""
    spread = column.spread
    sizes = np.diff(spread.ends, prepend=0)
    present = values >= 0
    segments = np.searchsorted(spread.first, values[present], "right") - 1
    taken = np.bincount(segments, counts[present], len(sizes)).astype(np.int64)
    sizes = np.maximum(sizes - taken, 0)
    kept = sizes > 0
    rest = Spread(
        np.cumsum(sizes[kept]),
        spread.first[kept],
        spread.width[kept],
        np.minimum(spread.distinct[kept], sizes[kept]),
    )
    left = order.size - int(counts.sum())
    nulls = column.rows - spread.rows - int(counts[~present].sum())
    room = min(max(left - max(nulls, 0), 0), left) if rest.rows else 0
    return Combined(column.domain, values, np.cumsum(counts), rest, room, order, key)


@dataclass(frozen=True, slots=True)
class Following:
    """A column that follows another: rows with the same value there mostly have the same here.

    Its values keep their frequencies: the value in the middle of the rows that have one of the
    other's values, both in order, is the one that goes with it. `combinations` are more than the
    other has values if one of those goes with several; `degree` is the share of the other's
    values that decide at all, as in pg_stats_ext. `least` is how much more than the other's value
    a value must be at least, where a check says so.
    """

    lead: Drawn | Following
    own: Drawn
    degree: float
    combinations: int
    key: int
    least: int | None = None

    @property
    def domain(self) -> Domain:
        return self.own.domain

    @property
    def spread(self) -> Spread:
        return self.own.spread

    @property
    def rows(self) -> int:
        return self.own.rows

    def ranks(self, rows: Ints) -> tuple[Ints, Mask | None]:
        ranks, mask = self.own.ranks(rows)
        lead, lead_mask = self.lead.ranks(rows)
        full = np.full(len(rows), -1, np.int64)
        full[slice(None) if lead_mask is None else lead_mask] = lead
        leading = full if mask is None else full[mask]
        numbers = rows if mask is None else rows[mask]
        decided = (hashed(leading, self.key) >> np.uint64(11)) < self.degree * _FINE
        follows = np.flatnonzero(decided & (leading >= 0))
        ranks = ranks.copy()
        ranks[follows] = self._followed(leading[follows], numbers[follows])
        other, own = self.lead.domain, self.domain
        if self.least is None:
            return ranks, mask
        if isinstance(own, WholeNumbers) and isinstance(other, WholeNumbers):
            lowest = own.at_least(other.keys(leading[follows]) + self.least)
            ranks[follows] = np.maximum(ranks[follows], lowest)
        return ranks, mask

    def _followed(self, lead: Ints, rows: Ints) -> Ints:
        number, below, own = self.lead.spread.locate(lead)
        distinct = int(self.lead.spread.distinct.sum())
        extra = self.combinations - int(self.spread.distinct.sum()) + 1
        if extra >= distinct:  # rows of one value may cross from one value here to the next
            strata = extra
            within = (hashed(rows, self.key + 2) >> np.uint64(11)) / _FINE
        else:
            strata = max(self.combinations, distinct)
            within = np.full(len(rows), 0.5)
        before = number * strata // distinct
        several = np.maximum((number + 1) * strata // distinct - before, 1)
        turn = drawn(rows, self.key + 1, 1 << 40) % several
        share = (below + within * own + turn) / several
        total = self.spread.rows
        return self.spread.ranks(np.minimum((share * total).astype(np.int64), total - 1))
