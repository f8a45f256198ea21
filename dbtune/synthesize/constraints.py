"""What keys a unit has: which columns are unique, and whose values others have."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.snapshot.catalog import Constraint
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.linked import Links, Place
from dbtune.synthesize.unit import Unit


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a snapshot's units, declared or seen in the workload."""

    snapshot: Snapshot
    links: Links

    def unique_keys(self, unit: Unit) -> list[tuple[str, ...]]:
        """The column sets of unique indexes without a predicate, the primary key first."""
        indexes = sorted(
            self.snapshot.indexes_by_relation.get(unit.name, ()), key=lambda i: not i.is_primary
        )
        keys = []
        for index in indexes:
            columns = tuple(k.column for k in index.keys if k.column)
            if index.is_unique and not index.predicate and len(columns) == len(index.keys):
                keys.append(columns)
        return list(dict.fromkeys(keys))

    def wide_keys(self, unit: Unit) -> list[Constraint]:
        """The foreign keys of several columns."""
        found = [c for c in self._foreign_keys(unit) if len(c.columns) > 1]
        return list({(c.columns, c.referenced): c for c in found}.values())

    def referenced(self, unit: Unit, column: str) -> Place | None:
        """The column whose values a column refers to, by a foreign key or in the workload."""
        for constraint in self._foreign_keys(unit):
            if constraint.columns == (column,) and constraint.referenced:
                return constraint.referenced, constraint.referenced_columns[0]
        for constraint in self.wide_keys(unit):
            if column in constraint.columns and constraint.referenced:
                at = constraint.columns.index(column)
                return constraint.referenced, constraint.referenced_columns[at]
        return self.links.owner(unit, column)

    def _foreign_keys(self, unit: Unit) -> list[Constraint]:
        names = {unit.name, *unit.relation.parents}
        return [
            c
            for c in self.snapshot.foreign_keys
            if c.relation in names and c.referenced and (c.relation == unit.name or not c.inherited)
        ]
