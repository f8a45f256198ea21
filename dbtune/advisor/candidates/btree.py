"""Plain B-trees: equality first, then range or order."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import is_ordered, key_lists
from dbtune.index import IndexSpec

KIND = "btree"


def propose(demand: Demand) -> Iterator[IndexSpec]:
    for keys in key_lists(demand):
        if is_ordered(demand, keys):
            yield IndexSpec(demand.relation.name, keys)
