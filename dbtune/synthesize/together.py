"""Which columns of a table go together: by extended statistics, checks and groups counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from dbtune.snapshot.catalog import Column, ExtendedStatistics
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.fill import Drawn, Fill
from dbtune.synthesize.grouped import Groups
from dbtune.synthesize.joint import Combined, Following, combined
from dbtune.synthesize.order import Order, key_of
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.unit import Unit
from dbtune.synthesize.values import Known

Reader = Callable[[Column, Sequence[str]], Known]
Pair = tuple[str, str]
Bond = tuple[float, int]
"""The share of the leading column's values that decide, and the number of combinations (0: any)."""

_SORTED = 0.5
_MOST = 0.9
_LEAST_DEGREE = 0.1
_COUNTED = (
    "smallint", "integer", "bigint", "date", "timestamp with time zone",
    "timestamp without time zone",
)  # fmt: skip
_COMPARED = re.compile(r'("(?:[^"]|"")+"|\b[a-z_]\w*) (<=|<|>=|>) ("(?:[^"]|"")+"|[a-z_]\w*)')


@dataclass(frozen=True, slots=True)
class Together:
    """Lets columns go together. `read` has the server read values of a column."""

    snapshot: Snapshot
    groups: Groups
    read: Reader
    seed: int

    def joined(self, unit: Unit, fills: Mapping[str, Fill], apart: Set[str]) -> dict[str, Fill]:
        """The fills with those replaced whose column goes with another.

        Columns of unique keys stay `apart`: their combinations must differ.
        """
        found = dict(fills)
        drawn = {n: f for n, f in fills.items() if isinstance(f, Drawn) and n not in apart}
        free = {n: f for n, f in drawn.items() if f.spread.rows}
        several = {n: f for n, f in free.items() if not f.spread.is_injective}
        used: set[str] = set()
        for known in self._lists(unit):
            columns = {c: several[c] for c in known.columns if c in several}
            if len(columns) == len(known.columns) and not used & set(columns):
                made = self._combined(unit, known, columns)
                found |= made
                used |= set(made)
        for low, high, least in self._in_order(unit):
            if low in free and high in free and high not in used and low not in used:
                follows = self._following(unit, (low, high), free, (1.0, 0))
                found[high] = replace(follows, least=least)
                used |= {low, high}
        leads: dict[str, Drawn | Following] = {n: f for n, f in several.items() if n not in used}
        for (lead, name), bond in self._dependent(unit, several):
            if lead in leads and name in leads:
                found[name] = leads[name] = self._following(unit, (lead, name), leads, bond)
        return found

    def _following(
        self, unit: Unit, pair: Pair, fills: Mapping[str, Drawn | Following], bond: Bond
    ) -> Following:
        lead, name = pair
        degree, combinations = bond
        own = fills[name]
        assert isinstance(own, Drawn)
        key = key_of(self.seed, unit.name, lead, name)
        return Following(fills[lead], own, degree, combinations, key)

    def _lists(self, unit: Unit) -> list[ExtendedStatistics]:
        """The lists of common combinations of columns, those that tell most first."""
        found = [
            s
            for s in self._statistics(unit)
            if s.most_common_values and not s.expressions and sum(s.most_common_freqs or ()) > 0.5
        ]
        return sorted(found, key=lambda s: -sum(s.most_common_freqs or ()))

    def _combined(
        self, unit: Unit, known: ExtendedStatistics, columns: Mapping[str, Drawn]
    ) -> dict[str, Combined]:
        counts = _rows(known.most_common_freqs or (), unit.rows)
        ranks = {
            name: self._ranks(unit, name, fill, [row[at] for row in known.most_common_values or ()])
            for at, (name, fill) in enumerate(columns.items())
        }
        usable = counts > 0
        for values in ranks.values():
            usable &= values > -2
        leading = max(columns, key=lambda c: abs(columns[c].order.correlation))
        correlation = columns[leading].order.correlation
        if abs(correlation) < _SORTED:
            correlation = 0.0
        elif counts[usable].sum() < _MOST * unit.rows:
            return {}  # the physical order says more
        chosen = np.flatnonzero(usable)
        chosen = chosen[np.argsort(ranks[leading][chosen], kind="stable")]
        key = key_of(self.seed, unit.name, *columns)
        order = Order(unit.rows, correlation, key)
        return {
            name: combined(fill, ranks[name][chosen], counts[chosen], order, key + at)
            for at, (name, fill) in enumerate(columns.items(), start=1)
        }

    def _ranks(self, unit: Unit, name: str, fill: Drawn, texts: Sequence[str | None]) -> Ints:
        """The rank of each value; -1 is null, -2 a value that the column cannot have."""
        column = unit.relation.column(name)
        assert column is not None
        known = self.read(column, [t for t in texts if t is not None])
        keys = dict(zip(known.texts, known.keys, strict=True))
        ranks = [-1 if t is None else fill.domain.locate(t, keys.get(t)) for t in texts]
        return np.array([-2 if r is None else r for r in ranks], np.int64)

    def _statistics(self, unit: Unit) -> list[ExtendedStatistics]:
        names = (unit.name, *unit.relation.parents)
        found = [s for s in self.snapshot.extended_statistics if s.relation in names]
        return sorted(found, key=lambda s: (names.index(s.relation), s.inherited != unit.inherited))

    def _dependent(self, unit: Unit, fills: Mapping[str, Drawn]) -> Iterator[tuple[Pair, Bond]]:
        """What follows what. What leads has more values, so there is no circle, and comes first."""
        sizes = {n: int(f.spread.distinct.sum()) for n, f in fills.items()}
        bonds: dict[Pair, Bond] = {}
        for statistics in self._statistics(unit):
            for pair, degree in _dependencies(statistics, self.snapshot):
                if degree >= _LEAST_DEGREE and pair[0] in sizes and pair[1] in sizes:
                    bonds.setdefault(pair, (degree, 0))
        pairs = [p for s in self._statistics(unit) for p in _combinations(s, self.snapshot)]
        for pair, count in [*pairs, *self.groups.of(unit)]:
            lead, name = sorted(pair, key=lambda n: (-sizes.get(n, 0), n))
            most = min(sizes.get(lead, 0) * sizes.get(name, 0), unit.rows)
            if 0 < count < _MOST * most and not {(lead, name), (name, lead)} & set(bonds):
                bonds[lead, name] = (1.0, count)
        followed = set()
        surest = sorted(bonds.items(), key=lambda b: (-sizes[b[0][1]], -b[1][0], b[1][1], b[0]))
        for (lead, name), bond in surest:
            if name not in followed and (sizes[lead], lead) > (sizes[name], name):
                followed.add(name)
                yield (lead, name), bond

    def _in_order(self, unit: Unit) -> Iterator[tuple[str, str, int | None]]:
        """Columns of which a check says that one is above the other, and by how much at least.

        None where keys of the two need not be comparable, as decimals of different scales.
        """
        for constraint in self.snapshot.constraints:
            if constraint.kind != "c" or constraint.relation != unit.name:
                continue
            for left, operator, right in _COMPARED.findall(constraint.definition):
                a, b = (unit.relation.column(_plain(n)) for n in (left, right))
                if a and b and a.type == b.type:
                    low, high = (a, b) if operator[0] == "<" else (b, a)
                    counted = a.type in _COUNTED
                    yield low.name, high.name, int("=" not in operator) if counted else None


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _rows(frequencies: Sequence[float], rows: int) -> Ints:
    """Whole numbers of rows with these frequencies, no more than there are."""
    ends = np.cumsum(np.asarray(frequencies, np.float64))
    scale = 1.0 / ends[-1] if ends[-1] > 0.99 else 1.0
    counts: Ints = np.diff(np.rint(ends * scale * rows).astype(np.int64), prepend=0)
    return counts


def _names(statistics: ExtendedStatistics, snapshot: Snapshot, numbers: str) -> tuple[str, ...]:
    relation = snapshot.relation_by_name[statistics.relation]
    by_number = {c.number: c.name for c in relation.columns}
    found = (by_number.get(int(n)) for n in numbers.split(","))
    return tuple(n for n in found if n)


def _dependencies(
    statistics: ExtendedStatistics, snapshot: Snapshot
) -> Iterator[tuple[Pair, float]]:
    for text, degree in json.loads(statistics.dependencies or "{}").items():
        left, _, right = text.partition("=>")
        names = (*_names(statistics, snapshot, left), *_names(statistics, snapshot, right))
        if len(names) == 2 and "," not in left:
            yield (names[0], names[1]), float(degree)


def _combinations(statistics: ExtendedStatistics, snapshot: Snapshot) -> Iterator[tuple[Pair, int]]:
    for text, count in json.loads(statistics.n_distinct or "{}").items():
        names = _names(statistics, snapshot, text)
        if len(names) == 2 and text.count(",") == 1:
            yield (names[0], names[1]), int(count)
