"""From a snapshot to the fill of every column: keys, foreign keys and statistics together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, Constraint
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.columns import Columns, Filled
from dbtune.synthesize.constraints import Keys
from dbtune.synthesize.domain import Domain
from dbtune.synthesize.fill import (
    Chosen,
    Drawn,
    Fill,
    KeyRows,
    Picked,
    Stored,
    Translated,
    may_be_null,
    with_value,
)
from dbtune.synthesize.grouped import groups_of
from dbtune.synthesize.invent import Invention
from dbtune.synthesize.keys import first_of_each, key_rows, unique_together
from dbtune.synthesize.linked import Links, Place
from dbtune.synthesize.order import Order, key_of
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.together import Together
from dbtune.synthesize.unit import Unit

_NEARLY_ALL = 0.9
_NOTABLE = 0.1


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
        self._keys = Keys(snapshot, links)
        self._columns_together = Together(
            snapshot, groups_of(snapshot), lambda c, texts: invention.known(c, texts)[0], seed
        )
        self._seed = seed
        self._filled: dict[QualifiedName, Filled] = {}
        self._under_way: set[QualifiedName] = set()
        self._columns = Columns(
            snapshot=snapshot,
            units={u.name: u for u in units},
            invention=invention,
            links=links,
            keys=self._keys,
            seed=seed,
            filled=self.filled,
            under_way=self._under_way,
        )
        self._key_rows: dict[tuple[QualifiedName, tuple[str, ...], int], KeyRows] = {}
        self.notes: list[tuple[QualifiedName, str]] = []
        self.without_values: list[Place] = []

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
                fills[column.name] = self._columns.drawn(unit, column, unique=column.name in single)
        fills = self._columns_together.joined(unit, fills, {c for u in several for c in u})
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
            if not fill.domain.size and self._keys.referenced(unit, column.name) is None:
                self.without_values.append((unit.name, column.name))
                continue
            rows = np.arange(unit.rows) if kept is None else kept
            kept = with_value(fill, rows)
            if len(kept) < len(rows):
                count = len(rows) - len(kept)
                why = f"{count} rows left out: no value for {column.name} is to be had"
                self.notes.append((unit.name, why))
        return kept

    def _together(self, unit: Unit, columns: tuple[str, ...]) -> dict[str, Fill]:
        """Columns of a key of several, with combinations that are all different."""
        alone = {c: self._columns.drawn(unit, _column(unit, c), unique=False) for c in columns}
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
            candidates = {
                c: self._columns.drawn(unit, _column(unit, c), unique=False) for c in pairs
            }
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

        One that alone tells a row decides all others; else the one that the referenced relation
        has from elsewhere, such as the tenant; else the one with the fewest values.
        """
        rows = sum(unit.rows for unit in self._columns.units_below(relation))
        sizes = {c: candidates[c].domain.size for c in pairs}
        telling = [c for c in pairs if sizes[c] >= rows * _NEARLY_ALL]
        borrowed = {
            column
            for key in self._snapshot.foreign_keys
            if key.relation == relation != key.referenced
            for column in key.columns
        }
        least = min(pairs, key=lambda c: (pairs[c] not in borrowed, sizes[c]))
        return telling[0] if telling else least

    def _rows_of_key(
        self, relation: QualifiedName, columns: tuple[str, ...], leads: int
    ) -> tuple[KeyRows, tuple[Domain, ...]] | None:
        """The referenced keys, sorted by their first `leads` columns, and each column's domain."""
        found = (relation, columns, leads)
        units = self._columns.units_below(relation)
        if len(units) != 1 or units[0].name in self._under_way:
            return None
        filled = self.filled(units[0])
        if found not in self._key_rows:
            fills = tuple(filled.fills[c] for c in columns)
            self._key_rows[found] = key_rows(fills, leads, filled.kept, filled.unit.rows)
        return self._key_rows[found], tuple(filled.fills[c].domain for c in columns)


def _notably(one: Drawn, other: Drawn) -> bool:
    """True if rows lie notably more in the order of one column than in that of another."""
    return abs(one.order.correlation) > abs(other.order.correlation) + _NOTABLE


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
