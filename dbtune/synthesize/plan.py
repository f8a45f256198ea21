"""From a snapshot to the fill of every column: keys, foreign keys and statistics together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dbtune.identifier import QualifiedName
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.columns import Columns, Filled
from dbtune.synthesize.composite import Composite
from dbtune.synthesize.constraints import Keys
from dbtune.synthesize.fill import Drawn, Fill, Stored, may_be_null
from dbtune.synthesize.grouped import groups_of
from dbtune.synthesize.invent import Invention
from dbtune.synthesize.linked import Links, Place
from dbtune.synthesize.remaining import first_of_each, with_value
from dbtune.synthesize.together import Together
from dbtune.synthesize.unit import Unit


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
        self._keys = Keys(snapshot, links)
        self._columns_together = Together(
            snapshot, groups_of(snapshot), lambda c, texts: invention.known(c, texts)[0], seed
        )
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
        self._composite = Composite(snapshot, self._columns, self._keys, seed)
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
        if several:
            fills |= self._composite.unique(unit, several[0])
        for constraint in self._keys.wide_keys(unit):
            fills |= self._composite.picked(unit, constraint, fills)
        for column in unit.columns:
            if column.name not in fills:
                fills[column.name] = self._columns.drawn(unit, column, unique=column.name in single)
        fills = self._columns_together.joined(unit, fills, {c for u in several for c in u})
        rows = self._rows_of(fills, unit)
        if rows < unit.rows:
            key = ", ".join(several[0])
            why = f"no more combinations of the key ({key})"
            self.notes.append(
                (unit.name, f"{unit.rows - rows} of {unit.rows} rows left out: {why}")
            )
        filled = self._without_gaps(Filled(replace(unit, rows=rows), fills, None))
        for number, columns in enumerate(several):
            parts = [fills[c] for c in columns]
            alone = any(isinstance(f, Drawn) and f.spread.is_injective for f in parts)
            if not alone and (number or not isinstance(parts[0], Stored)):
                distinct = first_of_each(filled, columns)
                if distinct.rows < filled.rows:
                    why = f"the key ({', '.join(columns)}) of other rows came out again"
                    count = filled.rows - distinct.rows
                    self.notes.append((unit.name, f"{count} of {unit.rows} rows left out: {why}"))
                filled = distinct
        return filled

    def _rows_of(self, fills: Mapping[str, Fill], unit: Unit) -> int:
        """As many rows as the keys have room for."""
        sizes = [f.stored.size for f in fills.values() if isinstance(f, Stored)]
        return min([unit.rows, *sizes])

    def _without_gaps(self, filled: Filled) -> Filled:
        """Leave out rows without a value in a column that must have one."""
        unit = filled.unit
        for column in unit.columns:
            fill = filled.fills[column.name]
            if not column.not_null or not may_be_null(fill):
                continue
            if not fill.domain.size and self._keys.referenced(unit, column.name) is None:
                self.without_values.append((unit.name, column.name))
                continue
            complete = with_value(filled, column.name)
            if complete.rows < filled.rows:
                count = filled.rows - complete.rows
                why = f"{count} rows left out: no value for {column.name} is to be had"
                self.notes.append((unit.name, why))
            filled = complete
        return filled
