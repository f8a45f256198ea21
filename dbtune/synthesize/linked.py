"""Columns that belong together: by foreign keys, and by how the workload joins them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.statement.parse import parse
from dbtune.synthesize.unit import Unit

Place = tuple[QualifiedName, str]

_MOST_STATEMENTS = 2000
_ALIKE = 1.25
_MOSTLY = 0.8


@dataclass(frozen=True, slots=True)
class Links:
    """Which column lends its values to which, and the values that borrowers name.

    `owners` holds the pairs of the workload; `named` values by lender.
    """

    owners: Mapping[Place, Place]
    named: Mapping[Place, tuple[str, ...]]

    def owner(self, unit: Unit, column: str) -> Place | None:
        """The column whose values this one has, though no foreign key says so."""
        for name in (unit.name, *unit.relation.parents):
            if (name, column) in self.owners:
                return self.owners[name, column]
        return None

    def named_elsewhere(self, place: Place) -> tuple[str, ...]:
        """Values that columns with this one's values are known to have."""
        return self.named.get(place, ())


def links_of(snapshot: Snapshot) -> Links:
    """The links of a snapshot: what foreign keys and joins say."""
    owners = dict(_joined(snapshot))
    named: dict[Place, dict[str, None]] = defaultdict(dict)
    pairs = [
        ((c.relation, own), (c.referenced, other))
        for c in snapshot.foreign_keys
        if c.referenced
        for own, other in zip(c.columns, c.referenced_columns, strict=True)
    ]
    for (relation, column), lender in [*pairs, *owners.items()]:
        for text in _values(snapshot.relation_by_name.get(relation), column):
            named[lender][text] = None
    return Links(owners, {place: tuple(texts) for place, texts in named.items()})


def _values(relation: Relation | None, name: str) -> Iterator[str]:
    column = relation.column(name) if relation else None
    for statistics in column.statistics if column else ():
        yield from statistics.most_common_values or ()
        yield from statistics.histogram_bounds or ()


def _joined(snapshot: Snapshot) -> Iterator[tuple[Place, Place]]:
    """Columns compared for equality in joins: each with the one of most values among them."""
    roots = _roots(snapshot)
    groups: dict[Place, set[Place]] = {}
    for one, other in _pairs(snapshot):
        left, right = roots.get(one, one), roots.get(other, other)
        if left == right:
            continue
        merged = groups.get(left, {left}) | groups.get(right, {right})
        for member in merged:
            groups[member] = merged
    seen: set[int] = set()
    for group in groups.values():
        if id(group) in seen:
            continue
        seen.add(id(group))
        members = sorted(group, key=lambda place: (*_rank(snapshot, place), place))
        for member in members[1:]:
            if _could_be_of(snapshot, member, members[0]):
                yield member, members[0]


def _roots(snapshot: Snapshot) -> dict[Place, Place]:
    """For each column of a foreign key the one whose values it has in the end."""
    above: dict[Place, Place] = {}
    for constraint in sorted(snapshot.foreign_keys, key=lambda c: len(c.columns)):
        for own, other in zip(constraint.columns, constraint.referenced_columns, strict=True):
            if constraint.referenced:
                above.setdefault((constraint.relation, own), (constraint.referenced, other))
    roots = {}
    for place in above:
        seen, root = {place}, place
        while root in above and above[root] not in seen:
            root = above[root]
            seen.add(root)
        roots[place] = root
    return roots


def _rank(snapshot: Snapshot, place: Place) -> tuple[float, bool]:
    """Lenders first: those of most values, and of about as many the unique one."""
    distinct = _distinct(snapshot, place)
    return -round(log(max(distinct, 1.0), _ALIKE)), not _is_unique(snapshot, place)


def _could_be_of(snapshot: Snapshot, borrower: Place, lender: Place) -> bool:
    """False if statistics show that the columns have different values."""
    if _distinct(snapshot, lender) < max(_distinct(snapshot, borrower) / _ALIKE, 1):
        return False
    own = sorted(map(_order, _values(snapshot.relation_by_name[borrower[0]], borrower[1])))
    other = sorted(map(_order, _values(snapshot.relation_by_name[lender[0]], lender[1])))
    if not own or not other:
        return True
    inside = bisect_right(own, other[-1]) - bisect_left(own, other[0])
    return inside >= _MOSTLY * len(own)


def _order(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _pairs(snapshot: Snapshot) -> Iterator[tuple[Place, Place]]:
    for statistics in snapshot.statements[:_MOST_STATEMENTS]:
        parsed = parse(statistics.text, snapshot, statistics.search_path)
        if not isinstance(parsed, Statement):
            continue
        for clause in parsed.join_clauses:
            left = (parsed.relations[clause.left].relation, clause.left_column)
            right = (parsed.relations[clause.right].relation, clause.right_column)
            if clause.operator == "=" and left != right and _same_type(snapshot, left, right):
                yield left, right


def _same_type(snapshot: Snapshot, left: Place, right: Place) -> bool:
    kinds = []
    for relation, name in (left, right):
        found = snapshot.relation_by_name.get(relation)
        column = found.column(name) if found and found.kind in "rpm" else None
        kinds.append(_kind(column.type) if column else None)
    return kinds[0] is not None and kinds[0] == kinds[1]


def _kind(type_name: str) -> str:
    plain = type_name.partition("(")[0]
    if plain in ("smallint", "integer", "bigint"):
        return "integer"
    return "text" if plain in ("text", "character varying", "character") else plain


def _distinct(snapshot: Snapshot, place: Place) -> float:
    relation = snapshot.relation_by_name[place[0]]
    column = relation.column(place[1])
    found = column.statistics if column else ()
    rows = max(relation.reltuples, 1.0)
    if _is_unique(snapshot, place):
        return max(relation.reltuples, 0.0)
    return max(
        (s.n_distinct if s.n_distinct > 0 else -s.n_distinct * rows for s in found), default=0.0
    )


def _is_unique(snapshot: Snapshot, place: Place) -> bool:
    return any(
        i.is_unique and not i.predicate and [k.column for k in i.keys] == [place[1]]
        for i in snapshot.indexes_by_relation.get(place[0], ())
    )
