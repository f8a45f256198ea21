"""BRIN: a few pages that say which part of a large, naturally ordered table to read."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import IndexKey

KIND = "brin"

_MIN_PAGES = 4096
_MIN_CORRELATION = 0.9


def propose(demand: Demand) -> Iterator[IndexSpec]:
    if demand.relation.relpages < _MIN_PAGES:
        return
    for qual in demand.quals():
        column = demand.relation.column(qual.column)
        if column is None or qual.expression or qual.kind not in {"range", "equal"}:
            continue
        statistics = demand.statistics(column)
        if statistics and abs(statistics.correlation or 0.0) >= _MIN_CORRELATION:
            yield IndexSpec(demand.relation.name, (IndexKey(column.name),), access_method="brin")
