"""GiST: overlap and containment of ranges and networks."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import IndexKey

KIND = "gist"

_OPCLASSES = {"inet": "inet_ops", "cidr": "inet_ops"}


def propose(demand: Demand) -> Iterator[IndexSpec]:
    for qual in demand.quals():
        column = demand.relation.column(qual.column)
        if column is None or qual.kind != "contains":
            continue
        is_range = column.type.endswith("range") or column.type_kind in {"r", "m"}
        if is_range or column.type in _OPCLASSES:
            key_column = None if qual.expression else qual.column
            key = IndexKey(key_column, qual.expression, _OPCLASSES.get(column.type))
            yield IndexSpec(demand.relation.name, (key,), access_method="gist")
