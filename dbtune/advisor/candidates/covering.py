"""B-trees that hold every column a statement reads, so that it need not visit the table."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import Keys, is_ordered, key_lists
from dbtune.index import IndexSpec

KIND = "btree"
COVERS = True

_MAX_COLUMNS = 12
_MAX_INCLUDED_BYTES = 256


def propose(demand: Demand) -> Iterator[IndexSpec]:
    if demand.use.all_columns or demand.use.role == "target":
        return
    lists = [keys for keys in key_lists(demand) if is_ordered(demand, keys)]
    for keys in lists:
        if any(_is_proper_prefix(keys, longer) for longer in lists):
            continue
        columns = {key.column for key in keys}
        included = tuple(sorted(c for c in demand.use.projected if c not in columns))
        width = sum(map(demand.width, included))
        if included and len(keys) + len(included) <= _MAX_COLUMNS and width <= _MAX_INCLUDED_BYTES:
            yield IndexSpec(demand.relation.name, keys, included)


def _is_proper_prefix(keys: Keys, longer: Keys) -> bool:
    return len(keys) < len(longer) and longer[: len(keys)] == keys
