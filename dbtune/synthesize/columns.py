"""What fills a column by itself: its own values, or those of the column that it refers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, ColumnStatistics
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.build import counts_of, shared
from dbtune.synthesize.constraints import Keys
from dbtune.synthesize.domain import Domain, Union
from dbtune.synthesize.fill import Chosen, Drawn, Fill
from dbtune.synthesize.invent import Invention
from dbtune.synthesize.linked import Links, Place
from dbtune.synthesize.order import Order, key_of
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.shelf import Shelf, gathered, in_order, spans
from dbtune.synthesize.spread import Spread, even
from dbtune.synthesize.unit import Unit, leaves, statistics_of, within_leaves


@dataclass(frozen=True, slots=True)
class Filled:
    """How a unit is filled. `kept` are the rows that remain where a key has no room for all."""

    unit: Unit
    fills: Mapping[str, Fill]
    kept: Shelf | None

    @property
    def rows(self) -> int:
        return self.unit.rows if self.kept is None else self.kept.size

    def numbers(self, places: Ints) -> Ints:
        """Which rows these are, by their places among those that remain."""
        return places if self.kept is None else self.kept.read(0, places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Fills columns one by one.

    `filled` plans a whole unit, such as a referenced one; those `under_way` are being planned, so
    only what is known of them by now can be had.
    """

    snapshot: Snapshot
    units: Mapping[QualifiedName, Unit]
    invention: Invention
    links: Links
    keys: Keys
    seed: int
    filled: Callable[[Unit], Filled]
    under_way: Set[QualifiedName]
    _domains: dict[Place, tuple[Domain, Spread | None]] = field(default_factory=dict)
    _values: dict[Place, Domain] = field(default_factory=dict)

    def drawn(self, unit: Unit, column: Column, *, unique: bool) -> Fill:
        domain, spread = self._domain(unit, column, unique=unique)
        statistics = statistics_of(unit, column, self.snapshot)
        if spread is None:
            spread = self._shared(unit, column, domain, unique=unique)
        within = within_leaves(unit, column, self.snapshot) if unit.inherited else statistics
        correlation = (within.correlation if within else None) or 0.0
        if statistics is None and unique:
            correlation = 1.0
        key = key_of(self.seed, unit.name, column.name)
        if not domain.size:
            spread = even(0, 0)
        order = Order(spread.rows, spread.sorted_share(correlation), key)
        return Drawn(domain, spread, order, unit.rows)

    def grown(self, unit: Unit, column: Column, times: float) -> Fill:
        """A column with more values than its statistics tell, if these are its own."""
        place = (unit.name, column.name)
        if self._domain(unit, column, unique=False)[1] is not None:
            statistics = statistics_of(unit, column, self.snapshot)
            counts = counts_of(statistics, unit.rows, not_null=column.not_null, unique=False)
            distinct = min(ceil(counts.distinct * times), counts.present)
            counts = replace(counts, distinct=distinct, grown=times)
            extra = self.links.named_elsewhere(place)
            self._domains[place] = self.invention.own(column, statistics, counts, extra)
        return self.drawn(unit, column, unique=False)

    def _shared(self, unit: Unit, column: Column, domain: Domain, *, unique: bool) -> Spread:
        statistics = statistics_of(unit, column, self.snapshot)
        counts = counts_of(statistics, unit.rows, not_null=column.not_null, unique=unique)
        if not domain.size:
            return even(0, 0)
        if statistics is None:
            return even(domain.size, min(counts.present, domain.size) if unique else counts.present)
        known, _ = self.invention.known(column, _texts(statistics))
        return shared(known, statistics, counts, domain)

    def _domain(self, unit: Unit, column: Column, *, unique: bool) -> tuple[Domain, Spread | None]:
        """The domain of a column; with its spread if the domain is the column's own."""
        place = (unit.name, column.name)
        if place not in self._domains:
            target = self.keys.referenced(unit, column.name)
            found = self._referenced_domain(target, place) if target else None
            if found is not None:
                self._domains[place] = (found, None)
            else:
                statistics = statistics_of(unit, column, self.snapshot)
                counts = counts_of(statistics, unit.rows, not_null=column.not_null, unique=unique)
                extra = self.links.named_elsewhere(place)
                self._domains[place] = self.invention.own(column, statistics, counts, extra)
        return self._domains[place]

    def _referenced_domain(self, target: Place, asking: Place) -> Domain | None:
        relation, name = target
        parts = [
            part
            for unit in self.units_below(relation)
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
        unique = (name,) in self.keys.unique_keys(unit)
        if unit.name in self.under_way:
            if (unit.name, name) in self._domains or not self.keys.referenced(unit, name):
                return self._domain(unit, column, unique=unique)[0]
            return None
        if (unit.name, name) not in self._values:
            self._values[unit.name, name] = _values_in(self.filled(unit), name, unique=unique)
        return self._values[unit.name, name]

    def units_below(self, relation: QualifiedName) -> list[Unit]:
        if relation in self.units:
            return [self.units[relation]]
        return [self.units[r.name] for r in leaves(relation, self.snapshot) if r.name in self.units]


def _values_in(filled: Filled, name: str, *, unique: bool) -> Domain:
    """The values of a filled column, each once; of one that is not unique, its whole domain."""
    fill = filled.fills[name]
    if not unique or not isinstance(fill, Drawn):
        return fill.domain
    if filled.kept is not None:
        parts = ((fill.ranks(filled.numbers(np.arange(*s)))[0],) for s in spans(filled.rows))
        return Chosen(fill.domain, fill.spread, in_order(gathered(1, filled.rows, parts)))
    if fill.spread.rows == fill.domain.size:
        return fill.domain
    return Chosen(fill.domain, fill.spread)


def _texts(statistics: ColumnStatistics) -> tuple[str, ...]:
    return (*(statistics.most_common_values or ()), *(statistics.histogram_bounds or ()))
