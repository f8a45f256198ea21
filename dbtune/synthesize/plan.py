"""From a snapshot to the fill of every column: keys, foreign keys and statistics together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, ColumnStatistics, Constraint
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.build import counts_of, shared
from dbtune.synthesize.constraints import Keys
from dbtune.synthesize.domain import Domain, Union
from dbtune.synthesize.fill import (
    Chosen,
    Drawn,
    Fill,
    KeyRows,
    Picked,
    Stored,
    Translated,
    lead_of,
    may_be_null,
    with_value,
)
from dbtune.synthesize.grouped import groups_of
from dbtune.synthesize.invent import Invention
from dbtune.synthesize.keys import first_of_each, unique_together
from dbtune.synthesize.linked import Links
from dbtune.synthesize.order import Order, key_of
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.spread import Spread, even
from dbtune.synthesize.together import Together
from dbtune.synthesize.unit import Unit, leaves, statistics_of, within_leaves

Place = tuple[QualifiedName, str]

_NEARLY_ALL = 0.9
_NOTABLE = 0.1


@dataclass(frozen=True, slots=True)
class Filled:
    """How a unit is filled. `kept` are the rows that remain where a key has no room for all."""

    unit: Unit
    fills: Mapping[str, Fill]
    kept: Ints | None

    @property
    def rows(self) -> int:
        return self.unit.rows if self.kept is None else len(self.kept)


class Planner:
    """Plans units on demand, referenced tables before those that refer to them."""

    def __init__(
        self,
        snapshot: Snapshot,
        units: tuple[Unit, ...],
        invention: Invention,
        links: Links,
        seed: int,
    ) -> None:
        self._snapshot = snapshot
        self._units = {u.name: u for u in units}
        self._invention = invention
        self._links = links
        self._keys = Keys(snapshot, links)
        self._columns_together = Together(
            snapshot, groups_of(snapshot), lambda c, texts: invention.known(c, texts)[0], seed
        )
        self._seed = seed
        self._filled: dict[QualifiedName, Filled] = {}
        self._domains: dict[Place, tuple[Domain, Spread | None]] = {}
        self._values: dict[Place, Domain] = {}
        self._under_way: set[QualifiedName] = set()
        self._key_rows: dict[tuple[QualifiedName, tuple[str, ...], int], KeyRows] = {}
        self.notes: list[tuple[QualifiedName, str]] = []

    def filled(self, unit: Unit) -> Filled:
        """The unit's fills, made once."""
        if unit.name not in self._filled:
            self._under_way.add(unit.name)
            self._filled[unit.name] = self._fill(unit)
            self._under_way.discard(unit.name)
        return self._filled[unit.name]

    def _fill(self, unit: Unit) -> Filled:
        uniques = self._keys.unique_keys(unit)
        single = {columns[0] for columns in uniques if len(columns) == 1}
        several = [u for u in uniques if len(u) > 1 and not single & set(u)]
        fills: dict[str, Fill] = {}
        for number, columns in enumerate(several):
            free = not any(set(f.columns) <= set(columns) for f in self._keys.wide_keys(unit))
            if number == 0 and free:
                fills |= self._together(unit, columns)
        for constraint in self._keys.wide_keys(unit):
            fills |= self._picked(unit, constraint, fills)
        for column in unit.columns:
            if column.name not in fills:
                fills[column.name] = self._drawn(unit, column, unique=column.name in single)
        fills = self._columns_together.joined(unit, fills)
        rows = self._rows_of(fills, unit)
        kept = np.arange(rows) if rows < unit.rows else None
        if rows < unit.rows:
            self._left_out(unit, unit.rows - rows, several[0])
        kept = self._without_gaps(unit, fills, kept)
        for number, columns in enumerate(several):
            parts = [fills[c] for c in columns]
            alone = any(isinstance(f, Drawn) and f.spread.is_injective for f in parts)
            if not alone and (number or not isinstance(parts[0], Stored)):
                chosen = kept if kept is not None else np.arange(unit.rows)
                distinct = first_of_each(parts, chosen)
                if len(distinct) < len(chosen):
                    self._left_out(unit, len(chosen) - len(distinct), columns)
                    kept = distinct
        return Filled(unit, fills, kept)

    def _left_out(self, unit: Unit, count: int, columns: tuple[str, ...]) -> None:
        key = ", ".join(columns)
        why = f"{count} of {unit.rows} rows left out: no more combinations of the key ({key})"
        self.notes.append((unit.name, why))

    def _rows_of(self, fills: Mapping[str, Fill], unit: Unit) -> int:
        """As many rows as the keys have room for."""
        sizes = [len(f.stored) for f in fills.values() if isinstance(f, Stored)]
        return min([unit.rows, *sizes])

    def _without_gaps(
        self, unit: Unit, fills: Mapping[str, Fill], kept: Ints | None
    ) -> Ints | None:
        """Leave out rows without a value in a column that must have one."""
        for column in unit.columns:
            fill = fills[column.name]
            if not column.not_null or not may_be_null(fill):
                continue
            rows = np.arange(unit.rows) if kept is None else kept
            kept = with_value(fill, rows)
            if len(kept) < len(rows):
                count = len(rows) - len(kept)
                why = f"{count} rows left out: no value for {column.name} is to be had"
                self.notes.append((unit.name, why))
        return kept

    def _drawn(self, unit: Unit, column: Column, *, unique: bool) -> Fill:
        domain, spread = self._domain(unit, column, unique=unique)
        statistics = statistics_of(unit, column, self._snapshot)
        if spread is None:
            spread = self._shared(unit, column, domain, unique=unique)
        within = within_leaves(unit, column, self._snapshot) if unit.inherited else statistics
        correlation = (within.correlation if within else None) or 0.0
        if statistics is None and unique:
            correlation = 1.0
        key = key_of(self._seed, unit.name, column.name)
        if not domain.size:
            spread = even(0, 0)
        order = Order(spread.rows, spread.sorted_share(correlation), key)
        return Drawn(domain, spread, order, unit.rows)

    def _shared(self, unit: Unit, column: Column, domain: Domain, *, unique: bool) -> Spread:
        statistics = statistics_of(unit, column, self._snapshot)
        counts = counts_of(statistics, unit.rows, not_null=column.not_null, unique=unique)
        if not domain.size:
            return even(0, 0)
        if statistics is None:
            return even(domain.size, min(counts.present, domain.size) if unique else counts.present)
        known, _ = self._invention.known(column, _texts(statistics))
        return shared(known, statistics, counts, domain)

    def _domain(self, unit: Unit, column: Column, *, unique: bool) -> tuple[Domain, Spread | None]:
        """The domain of a column; with its spread if the domain is the column's own."""
        place = (unit.name, column.name)
        if place not in self._domains:
            target = self._keys.referenced(unit, column.name)
            found = self._referenced_domain(target, place) if target else None
            if found is not None:
                self._domains[place] = (found, None)
            else:
                statistics = statistics_of(unit, column, self._snapshot)
                counts = counts_of(statistics, unit.rows, not_null=column.not_null, unique=unique)
                extra = self._links.named_elsewhere(place)
                self._domains[place] = self._invention.own(column, statistics, counts, extra)
        return self._domains[place]

    def _referenced_domain(self, target: Place, asking: Place) -> Domain | None:
        relation, name = target
        parts = [
            part
            for unit in self._units_below(relation)
            if (part := self._values_of(unit, name, asking)) is not None
        ]
        if not parts:
            return None
        distinct = list({id(part): part for part in parts}.values())
        return distinct[0] if len(distinct) == 1 else Union(tuple(distinct))

    def _values_of(self, unit: Unit, name: str, asking: Place) -> Domain | None:
        """The values that a column really has, as far as that is known yet."""
        column = unit.relation.column(name)
        if column is None or (unit.name, name) == asking:
            return None
        unique = (name,) in self._keys.unique_keys(unit)
        if unit.name in self._under_way:
            if (unit.name, name) in self._domains or not self._keys.referenced(unit, name):
                return self._domain(unit, column, unique=unique)[0]
            return None
        if (unit.name, name) not in self._values:
            self._values[unit.name, name] = _values_in(self.filled(unit), name, unique=unique)
        return self._values[unit.name, name]

    def _units_below(self, relation: QualifiedName) -> list[Unit]:
        if relation in self._units:
            return [self._units[relation]]
        return [
            self._units[r.name] for r in leaves(relation, self._snapshot) if r.name in self._units
        ]

    def _together(self, unit: Unit, columns: tuple[str, ...]) -> dict[str, Fill]:
        """Columns of a key of several, with combinations that are all different."""
        alone = {c: self._drawn(unit, _column(unit, c), unique=False) for c in columns}
        drawn = {c: f for c, f in alone.items() if isinstance(f, Drawn) and f.spread.rows}
        if len(drawn) < len(columns):
            return {}
        if any(f.spread.is_injective for f in drawn.values()):
            return dict(drawn)
        order = sorted(columns, key=lambda c: -drawn[c].domain.size)
        spreads = [drawn[c].spread for c in order]
        rows = min(s.rows for s in spreads)
        key = key_of(self._seed, unit.name, columns)
        found = unique_together(spreads, [drawn[c].domain.size for c in order], rows, key)
        leading = max(range(len(order)), key=lambda at: abs(drawn[order[at]].order.correlation))
        if leading and _notably(drawn[order[leading]], drawn[order[0]]):
            places = np.argsort(found[leading], kind="stable")
            found = [ranks[places] for ranks in found]
        else:
            leading = 0
        shared_order = Order(len(found[0]), drawn[order[leading]].order.correlation, key)
        return {
            c: Stored(drawn[c].domain, ranks, shared_order)
            for c, ranks in zip(order, found, strict=True)
        }

    def _picked(
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
            candidates = {c: self._drawn(unit, _column(unit, c), unique=False) for c in pairs}
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
        key = key_of(self._seed, unit.name, constraint.columns)
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

        One that alone tells a row decides all others; else the one with the fewest values, such
        as the tenant, since its frequencies say most about the rows that it stands for.
        """
        rows = sum(unit.rows for unit in self._units_below(relation))
        sizes = {c: candidates[c].domain.size for c in pairs}
        telling = [c for c in pairs if sizes[c] >= rows * _NEARLY_ALL]
        return telling[0] if telling else min(pairs, key=lambda c: sizes[c])

    def _rows_of_key(
        self, relation: QualifiedName, columns: tuple[str, ...], leads: int
    ) -> tuple[KeyRows, tuple[Domain, ...]] | None:
        """The referenced keys, sorted by their first `leads` columns, and each column's domain."""
        found = (relation, columns, leads)
        units = self._units_below(relation)
        if len(units) != 1 or units[0].name in self._under_way:
            return None
        filled = self.filled(units[0])
        if found not in self._key_rows:
            rows = filled.kept if filled.kept is not None else np.arange(filled.unit.rows)
            fills = tuple(filled.fills[c] for c in columns)
            rows = rows[_all_present(fills, rows)]
            lead, _ = lead_of(fills[:leads], rows)
            order = np.argsort(lead, kind="stable")
            others = tuple(f.ranks(rows[order])[0] for f in fills[leads:])
            self._key_rows[found] = KeyRows(lead[order], others)
        return self._key_rows[found], tuple(filled.fills[c].domain for c in columns)


def _values_in(filled: Filled, name: str, *, unique: bool) -> Domain:
    """The values of a filled column, each once; of one that is not unique, its whole domain."""
    fill = filled.fills[name]
    if not unique or not isinstance(fill, Drawn):
        return fill.domain
    if filled.kept is not None:
        ranks, _ = fill.ranks(filled.kept)
        return Chosen(fill.domain, fill.spread, np.sort(ranks))
    if fill.spread.rows == fill.domain.size:
        return fill.domain
    return Chosen(fill.domain, fill.spread)


def _notably(one: Drawn, other: Drawn) -> bool:
    """True if rows lie notably more in the order of one column than in that of another."""
    return abs(one.order.correlation) > abs(other.order.correlation) + _NOTABLE


def _all_present(fills: tuple[Fill, ...], rows: Ints) -> Ints:
    mask = lead_of(fills, rows)[1]
    return np.arange(len(rows)) if mask is None else np.flatnonzero(mask)


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


def _texts(statistics: ColumnStatistics) -> tuple[str, ...]:
    return (*(statistics.most_common_values or ()), *(statistics.histogram_bounds or ()))
