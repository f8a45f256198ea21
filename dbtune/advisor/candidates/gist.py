"""GiST: overlap, containment and distance of ranges, networks, shapes and similar texts."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.extensions import has_trigrams, is_installed
from dbtune.advisor.keys import equality_keys
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, IndexKey
from dbtune.statement.model import Qual

KIND = "gist"

_OPCLASSES = {"inet": "inet_ops", "cidr": "inet_ops"}
_SHAPES = frozenset({"point", "box", "polygon", "circle"})
_TEXTS = ("text", "character")
_MAX_EQUALITIES = 2


def propose(demand: Demand) -> Iterator[IndexSpec]:
    name = demand.relation.name
    for qual in demand.searched():
        key = _key(demand, qual)
        if key:
            yield IndexSpec(name, (key,), access_method="gist")
            fixed = tuple(k for k in equality_keys(demand) if k.column)[:_MAX_EQUALITIES]
            if fixed and not qual.in_or and is_installed(demand.snapshot, "btree_gist"):
                yield IndexSpec(name, (*fixed, key), access_method="gist")
    for sort in demand.use.sort_keys[:1]:
        column = demand.relation.column(sort.near or "")
        if column and _has_distance(demand, column):
            opclass = "gist_trgm_ops" if column.type.startswith(_TEXTS) else None
            key = IndexKey(column.name, opclass=opclass)
            yield IndexSpec(name, (key,), access_method="gist")


def _key(demand: Demand, qual: Qual) -> IndexKey | None:
    """The key that answers a condition."""
    column = demand.relation.column(qual.column)
    if column is None:
        return None
    bare = None if qual.expression else qual.column
    if qual.kind == "similar" and has_trigrams(demand.snapshot, column, bare=bare is not None):
        return IndexKey(bare, qual.expression, "gist_trgm_ops")
    is_range = column.type.endswith("range") or column.type_kind in {"r", "m"}
    if qual.kind == "contains" and (is_range or column.type in {*_OPCLASSES, *_SHAPES}):
        return IndexKey(bare, qual.expression, _OPCLASSES.get(column.type))
    return None


def _has_distance(demand: Demand, column: Column) -> bool:
    """True if an index can give the rows nearest to a value first."""
    if column.type.startswith(_TEXTS):
        return has_trigrams(demand.snapshot, column, bare=True)
    return column.type in _SHAPES
