"""One walk through the statistics of a snapshot, for whatever visits their values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dbtune.identifier import QualifiedName
from dbtune.redact.arrays import elements, map_array
from dbtune.redact.pools import PoolKey, Visit
from dbtune.redact.types import Types
from dbtune.snapshot.catalog import Column, ColumnStatistics, ExtendedStatistics, Index, Relation

_BOUND = r'("(?:[^"]|"")*"|[^,"\])]*)'
_RANGE = re.compile(rf"(?P<open>[\[(]){_BOUND},{_BOUND}(?P<close>[\])])")


@dataclass(frozen=True, slots=True)
class Walk:
    """Puts what `visit` makes of values in their place; a list that it cannot keep goes."""

    types: Types
    visit: Visit

    def relation(self, relation: Relation) -> Relation:
        columns = tuple(
            replace(c, statistics=tuple(self._column(s, c.type, c.collation) for s in c.statistics))
            for c in relation.columns
        )
        return replace(relation, columns=columns)

    def index(self, index: Index) -> Index:
        keys = tuple(
            replace(k, statistics=self._column(k.statistics, k.type or "", k.collation))
            if k.statistics
            else k
            for k in index.keys
        )
        return replace(index, keys=keys)

    def extended(
        self, extended: ExtendedStatistics, columns: Sequence[Column | None]
    ) -> ExtendedStatistics:
        """`columns` are those of the values; None stands for an expression, whose type is open.

        What is known of such an expression's values goes.
        """
        extended = replace(extended, expression_statistics=())
        rows = [
            [
                self._one(value, column) if value is not None else None
                for value, column in zip(row, columns, strict=True)
            ]
            for row in extended.most_common_values or ()
        ]
        lost = any(
            new is None and old is not None
            for row, olds in zip(rows, extended.most_common_values or (), strict=True)
            for new, old in zip(row, olds, strict=True)
        )
        if extended.most_common_values is None or not lost:
            kept = tuple(map(tuple, rows)) if extended.most_common_values is not None else None
            return replace(extended, most_common_values=kept)
        return replace(
            extended,
            most_common_values=None,
            most_common_freqs=None,
            most_common_base_freqs=None,
        )

    def _one(self, value: str, column: Column | None) -> str | None:
        if column is None:
            return None
        changed = self._values((value,), column.type, column.collation)
        return changed[0] if changed else None

    def _column(
        self, old: ColumnStatistics, type_name: str, collation: QualifiedName | None
    ) -> ColumnStatistics:
        pool = (self.types.resolve(type_name).of, collation)
        common = self._values(old.most_common_values, type_name, collation)
        bounds = self._values(old.histogram_bounds, type_name, collation, ascending=True)
        elems = old.most_common_elems
        elems = self.visit(pool, elems, ascending=True) if elems is not None else None
        ranges = self._values(old.range_bounds_histogram, type_name, collation)
        return replace(
            old,
            most_common_values=common,
            most_common_freqs=old.most_common_freqs if common is not None else None,
            histogram_bounds=bounds,
            most_common_elems=elems,
            most_common_elem_freqs=old.most_common_elem_freqs if elems is not None else None,
            range_bounds_histogram=ranges,
            range_length_histogram=_rounded(old.range_length_histogram),
        )

    def _values(
        self,
        values: Sequence[str] | None,
        type_name: str,
        collation: QualifiedName | None,
        *,
        ascending: bool = False,
    ) -> tuple[str, ...] | None:
        if values is None:
            return None
        resolved = self.types.resolve(type_name)
        pool = (resolved.of, collation)
        if resolved.shape == "label":
            return tuple(values)
        if resolved.shape == "scalar":
            return self.visit(pool, values, ascending=ascending)
        if resolved.shape == "array":
            return _all(self._array(value, pool) for value in values)
        return _all(self._range(value, pool) for value in values)

    def _array(self, text: str, pool: PoolKey) -> str | None:
        changed = self.visit(pool, elements(text))
        if changed is None:
            return None
        following = iter(changed)
        return map_array(text, lambda _: next(following))

    def _range(self, text: str, pool: PoolKey) -> str | None:
        """A range or a multirange: every bound changed, `empty` and open ends kept."""
        lost = False

        def change(found: re.Match[str]) -> str:
            nonlocal lost
            bounds = [bound.strip('"') for bound in found.group(2, 3)]
            new = self.visit(pool, [bound for bound in bounds if bound], ascending=True)
            lost = lost or new is None
            following = iter(new or ())
            low, high = (f'"{next(following, "")}"' if bound else "" for bound in bounds)
            return f"{found['open']}{low},{high}{found['close']}"

        changed = _RANGE.sub(change, text)
        return None if lost else changed


def _all(values: Iterable[str | None]) -> tuple[str, ...] | None:
    """The values, or None if one is missing; every one is looked at."""
    seen = tuple(values)
    kept = tuple(value for value in seen if value is not None)
    return kept if len(kept) == len(seen) else None


def _rounded(lengths: Sequence[str] | None) -> tuple[str, ...] | None:
    """Lengths of ranges to two digits: the shape without the figures."""
    return tuple(f"{float(length):.2g}" for length in lengths) if lengths is not None else None
