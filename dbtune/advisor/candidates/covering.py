"""B-trees that hold every column a statement reads, so that it need not visit the table."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import Keys, is_ordered, key_lists
from dbtune.index import IndexSpec

KIND = "btree"

_MAX_COLUMNS = 12
_MAX_INCLUDED_BYTES = 256
_FEW_ROWS = 2
_MAX_FOR_A_FEW = 32
"""Visiting the table for so few rows is cheaper than to carry wide columns for all."""


def propose(demand: Demand) -> Iterator[IndexSpec]:
    lists = [keys for keys in key_lists(demand) if is_ordered(demand, keys)]
    for keys in lists:
        if any(_is_proper_prefix(keys, longer) for longer in lists):
            continue
        if included := rest_of(demand, keys):
            yield IndexSpec(demand.relation.name, keys, included)


def rest_of(demand: Demand, keys: Keys) -> tuple[str, ...]:
    """What a statement reads beside the keys, if that is little enough to stand in an index."""
    if demand.use.all_columns or demand.use.role == "target":
        return ()
    columns = {key.column for key in keys}
    rest = tuple(sorted(c for c in demand.use.projected if c not in columns))
    width = sum(map(demand.width, rest))
    most = _MAX_FOR_A_FEW if demand.rows_wanted <= _FEW_ROWS else _MAX_INCLUDED_BYTES
    is_little = len(keys) + len(rest) <= _MAX_COLUMNS and width <= most
    return rest if is_little else ()


def _is_proper_prefix(keys: Keys, longer: Keys) -> bool:
    return len(keys) < len(longer) and longer[: len(keys)] == keys
