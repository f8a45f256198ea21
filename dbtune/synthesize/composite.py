"""Keys of several columns: unique ones, and those that refer to rows of another table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, Constraint
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.columns import Columns
from dbtune.synthesize.constraints import Keys
from dbtune.synthesize.domain import Domain
from dbtune.synthesize.fill import Chosen, Drawn, Fill, Picked, Stored, Translated
from dbtune.synthesize.keys import unique_together
from dbtune.synthesize.order import Order, key_of
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.remaining import key_rows
from dbtune.synthesize.shelf import Shelf, Sorted, gathered, in_order, spans
from dbtune.synthesize.spread import Spread
from dbtune.synthesize.unit import Unit

_NEARLY_ALL = 0.9
_NOTABLE = 0.1


@dataclass(frozen=True, slots=True)
class _Part:
    """What varies by itself within a key: a column, or the row that a foreign key refers to.

    `values` has the ranks of the columns for each rank of the part; None if these are the same.
    """

    columns: tuple[str, ...]
    domains: tuple[Domain, ...]
    correlations: tuple[float, ...]
    spread: Spread
    size: int
    values: Sorted | None = None

    @classmethod
    def of_column(cls, name: str, fill: Drawn) -> _Part:
        correlation = fill.order.correlation
        return cls((name,), (fill.domain,), (correlation,), fill.spread, fill.domain.size)

    def ranks(self, at: int, places: Ints) -> Ints:
        return self.values.shelf.read(at, places) if self.values else places


@dataclass(frozen=True, slots=True)
class Composite:
    """Fills the columns of such keys, which depend on each other."""

    snapshot: Snapshot
    columns: Columns
    keys: Keys
    seed: int
    _sorted: dict[tuple[QualifiedName, tuple[str, ...], int], Sorted] = field(default_factory=dict)

    def unique(self, unit: Unit, columns: tuple[str, ...]) -> dict[str, Fill]:
        """Combinations that are all different; nothing where they cannot be planned ahead.

        A foreign key of several columns within the key counts as one value: the row referred to.
        """
        within = [c for c in self.keys.wide_keys(unit) if set(c.columns) <= set(columns)]
        referring = [c for constraint in within for c in constraint.columns]
        references = [self._reference(unit, constraint) for constraint in within]
        alone = {c: self._drawn(unit, c) for c in columns if c not in referring}
        drawn = {c: f for c, f in alone.items() if isinstance(f, Drawn) and f.spread.rows}
        rows_of = [r for r in references if r is not None]
        if (
            len(set(referring)) < len(referring)
            or len(rows_of) < len(references)
            or len(drawn) < len(alone)
        ):
            return {}
        drawn = self._roomier(unit, drawn, prod(r.size for r in rows_of))
        if not rows_of and any(f.spread.is_injective for f in drawn.values()):
            return dict(drawn)
        parts = [*rows_of, *(_Part.of_column(c, f) for c, f in drawn.items())]
        parts.sort(key=lambda part: -part.size)
        return _different(parts, key_of(self.seed, unit.name, columns))

    def _drawn(self, unit: Unit, name: str) -> Fill:
        return self.columns.drawn(unit, _column(unit, name), unique=False)

    def _roomier(self, unit: Unit, drawn: dict[str, Drawn], others: int) -> dict[str, Drawn]:
        """The columns of a key, of which one has more values if all have too few combinations.

        So it is where rows are more than the target's: n_distinct may be a number for any.
        """
        for name in sorted(drawn, key=lambda c: -drawn[c].domain.size):
            room = others * prod(f.domain.size for f in drawn.values())
            if 0 < room < unit.rows:
                grown = self.columns.grown(unit, _column(unit, name), unit.rows / room)
                if isinstance(grown, Drawn) and grown.spread.rows:
                    drawn = {**drawn, name: grown}
        return drawn

    def _reference(self, unit: Unit, constraint: Constraint) -> _Part | None:
        """The referenced rows as values, as often as the decisive column's statistics say."""
        assert constraint.referenced
        pairs = dict(zip(constraint.columns, constraint.referenced_columns, strict=True))
        fills = {c: self._drawn(unit, c) for c in pairs}
        lead = self._decisive(constraint.referenced, pairs, fills)
        names = (lead, *(c for c in pairs if c != lead))
        found = self._rows_of_key(constraint.referenced, tuple(pairs[c] for c in names), 1)
        fill = fills[lead]
        if found is None or not isinstance(fill, Drawn) or _within(fill, found[1][0]) is None:
            return None
        keys, domains = found
        spread = _over_rows(fill, keys)
        if spread is None:
            return None
        correlations = tuple(
            f.order.correlation if isinstance(f := fills[c], Drawn) else 0.0 for c in names
        )
        return _Part(names, domains, correlations, spread, keys.shelf.size, keys)

    def picked(
        self, unit: Unit, constraint: Constraint, fills: Mapping[str, Fill]
    ) -> dict[str, Fill]:
        """The columns of a foreign key of several columns: each row picks a referenced row."""
        assert constraint.referenced
        pairs = dict(zip(constraint.columns, constraint.referenced_columns, strict=True))
        fixed = tuple(c for c in constraint.columns if c in fills)
        if len(fixed) == len(pairs):
            return {}
        leads: dict[str, Fill] = {c: fills[c] for c in fixed}
        if not leads:
            candidates = {c: self._drawn(unit, c) for c in pairs}
            first = self._decisive(constraint.referenced, pairs, candidates)
            leads = {first: candidates[first]}
        referenced = (*(pairs[c] for c in leads), *(pairs[c] for c in pairs if c not in leads))
        found = self._rows_of_key(constraint.referenced, referenced, len(leads))
        if found is None:
            return {}
        rows_of_key, domains = found
        looked_up = tuple(
            fit for f, d in zip(leads.values(), domains, strict=False) if (fit := _within(f, d))
        )
        if len(looked_up) < len(leads):
            return {}
        key = key_of(self.seed, unit.name, constraint.columns)
        own = [c for c in pairs if c not in leads]
        return {
            **leads,
            **{
                c: Picked(domains[len(leads) + at], looked_up, rows_of_key, at, key)
                for at, c in enumerate(own)
            },
        }

    def _decisive(
        self, relation: QualifiedName, pairs: Mapping[str, str], candidates: Mapping[str, Fill]
    ) -> str:
        """The column whose statistics choose the referenced rows.

        One that alone tells a row decides all others; else the one that the referenced relation
        has from elsewhere, such as the tenant; else the one with the fewest values.
        """
        rows = sum(unit.rows for unit in self.columns.units_below(relation))
        sizes = {c: candidates[c].domain.size for c in pairs}
        telling = [c for c in pairs if sizes[c] >= rows * _NEARLY_ALL]
        borrowed = {
            column
            for key in self.snapshot.foreign_keys
            if key.relation == relation != key.referenced
            for column in key.columns
        }
        least = min(pairs, key=lambda c: (pairs[c] not in borrowed, sizes[c]))
        return telling[0] if telling else least

    def _rows_of_key(
        self, relation: QualifiedName, columns: tuple[str, ...], leads: int
    ) -> tuple[Sorted, tuple[Domain, ...]] | None:
        """The referenced keys, sorted by their first `leads` columns, and each column's domain."""
        wanted = (relation, columns, leads)
        units = self.columns.units_below(relation)
        if len(units) != 1 or units[0].name in self.columns.under_way:
            return None
        filled = self.columns.filled(units[0])
        if wanted not in self._sorted:
            self._sorted[wanted] = key_rows(filled, columns, leads)
        return self._sorted[wanted], tuple(filled.fills[c].domain for c in columns)


def _different(parts: Sequence[_Part], key: int) -> dict[str, Fill]:
    """Combinations of all parts, in the order of the first or of the most correlated column."""
    rows = min(part.spread.rows for part in parts)
    found, at = unique_together([p.spread for p in parts], [p.size for p in parts], rows, key)
    columns = {c: d for p in parts for c, d in zip(p.columns, p.domains, strict=True)}
    correlations = {c: r for p in parts for c, r in zip(p.columns, p.correlations, strict=True)}
    first = next(iter(columns))
    leading = max(columns, key=lambda c: abs(correlations[c]))
    if abs(correlations[leading]) <= abs(correlations[first]) + _NOTABLE:
        leading = first
    names = [leading, *(c for c in columns if c != leading)]
    ranks = _by_column(found, at, parts, names)
    stored = ranks if leading == first else in_order(ranks)
    order = Order(found.size, correlations[leading], key)
    return {c: Stored(columns[c], stored, n, order) for n, c in enumerate(names)}


def _over_rows(fill: Drawn, keys: Sorted) -> Spread | None:
    """The spread of a key's leading column as one over the rows that have its values.

    As many rows are referred to as the share of its values that occur.
    """
    spread = fill.spread
    low, high = spread.first, spread.first + spread.width - 1
    if isinstance(fill.domain, Chosen):
        low, high = fill.domain.inner_ranks(low), fill.domain.inner_ranks(high)
    begin, end = keys.find(low)[0], keys.find(high)[1]
    width = end - begin
    rows = np.where(width > 0, np.diff(spread.ends, prepend=0), 0)
    if not rows.any():
        return None
    ends = np.rint(np.cumsum(rows) * (spread.rows / rows.sum())).astype(np.int64)
    rows = np.diff(ends, prepend=0)
    kept = rows > 0
    wanted = np.ceil(spread.distinct * (width / spread.width)).astype(np.int64)
    distinct = np.maximum(np.minimum(np.minimum(wanted, width), rows), 1)
    return Spread(ends[kept], begin[kept], width[kept], distinct[kept])


def _by_column(
    found: Shelf, at: Sequence[int], parts: Sequence[_Part], columns: Sequence[str]
) -> Shelf:
    """The ranks of each column of a key, in this order, from those of its parts."""
    sources = {
        column: (part, number, place)
        for part, place in zip(parts, at, strict=True)
        for number, column in enumerate(part.columns)
    }

    def ranks(column: str, span: tuple[int, int]) -> Ints:
        part, number, place = sources[column]
        return part.ranks(number, found.span(place, *span))

    chunks = ([ranks(c, span) for c in columns] for span in spans(found.size))
    return gathered(len(columns), found.size, chunks)


def _within(fill: Fill, domain: Domain) -> Fill | None:
    """The same fill with ranks of `domain`, if its own domain is that or chosen from it."""
    if fill.domain is domain:
        return fill
    if isinstance(fill.domain, Chosen) and fill.domain.inner is domain:
        return Translated(fill, fill.domain)
    return None


def _column(unit: Unit, name: str) -> Column:
    column = unit.relation.column(name)
    assert column is not None
    return column
