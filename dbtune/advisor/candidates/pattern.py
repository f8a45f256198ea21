"""B-trees for `LIKE 'abc%'`: an operator class that compares characters, not by locale."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import equality_keys
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, IndexKey
from dbtune.snapshot.model import Snapshot

KIND = "btree"

_C_LOCALES = frozenset({"C", "POSIX"})


def propose(demand: Demand) -> Iterator[IndexSpec]:
    equalities = equality_keys(demand)
    for qual in demand.quals():
        column = demand.relation.column(qual.column)
        if column is None or qual.kind != "like" or qual.prefix is False:
            continue
        opclass = None if compares_bytes(column, demand.snapshot) else _opclass(column)
        key_column = None if qual.expression else qual.column
        key = IndexKey(key_column, qual.expression, opclass)
        yield IndexSpec(demand.relation.name, (key,))
        if equalities:
            yield IndexSpec(demand.relation.name, (*equalities[:4], key))


def compares_bytes(column: Column, snapshot: Snapshot) -> bool:
    """True if the column's collation orders by bytes, so that a plain B-tree serves LIKE."""
    if column.collation and column.collation.name != "default":
        return column.collation.name in _C_LOCALES
    return snapshot.server.collate in _C_LOCALES


def _opclass(column: Column) -> str:
    return "bpchar_pattern_ops" if column.type.startswith("character(") else "text_pattern_ops"
