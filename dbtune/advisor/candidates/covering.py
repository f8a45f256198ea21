"""B-trees that hold every column a statement reads, so that it need not visit the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    for keys in longest([keys for keys in key_lists(demand) if is_ordered(demand, keys)]):
        if included := rest_of(demand, keys):
            yield IndexSpec(demand.relation.name, keys, included)


def longest(lists: Sequence[Keys]) -> Iterator[Keys]:
    """The lists with which no longer one begins."""
    for keys in lists:
        if not any(len(keys) < len(other) and other[: len(keys)] == keys for other in lists):
            yield keys


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
