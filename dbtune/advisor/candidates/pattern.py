"""B-trees for `LIKE 'abc%'`: an operator class that compares characters, not by locale."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import equality_keys
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, IndexKey
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Qual

KIND = "btree"

_C_LOCALES = frozenset({"C", "POSIX"})


def propose(demand: Demand) -> Iterator[IndexSpec]:
    equalities = equality_keys(demand)
    for qual in demand.searched():
        column = demand.relation.column(qual.column)
        if column is None or not _may_begin(qual):
            continue
        opclass = None if compares_bytes(column, demand.snapshot) else _opclass(column)
        key_column = None if qual.expression else qual.column
        key = IndexKey(key_column, qual.expression, opclass)
        yield IndexSpec(demand.relation.name, (key,))
        if equalities:
            yield IndexSpec(demand.relation.name, (*equalities[:4], key))


def _may_begin(qual: Qual) -> bool:
    """True for a pattern that may begin with letters of its own, and asks for their case."""
    if qual.kind == "regex":
        return qual.operator == "~" and qual.prefix is True
    return qual.kind == "like" and qual.prefix is not False


def compares_bytes(column: Column, snapshot: Snapshot) -> bool:
    """True if the column's collation orders by bytes, so that a plain B-tree serves LIKE."""
    if column.collation and column.collation.name != "default":
        return column.collation.name in _C_LOCALES
    return snapshot.server.collate in _C_LOCALES


def _opclass(column: Column) -> str:
    return "bpchar_pattern_ops" if column.type.startswith("character(") else "text_pattern_ops"
