"""GIN: containment in jsonb and arrays, text search, and substrings through pg_trgm."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.demand import Demand
from dbtune.advisor.extensions import has_trigrams, is_installed
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, IndexKey
from dbtune.statement.model import Qual

KIND = "gin"

_PATH_OPERATORS = frozenset({"@>", "@?", "@@"})
_ARRAY_OPERATORS = frozenset({"@>", "<@", "&&", "="})


def propose(demand: Demand) -> Iterator[IndexSpec]:
    for qual in demand.searched():
        for opclass in _opclasses(demand, qual):
            column = None if qual.expression else qual.column
            key = IndexKey(column, qual.expression, opclass)
            yield IndexSpec(demand.relation.name, (key,), access_method="gin")


def _opclasses(demand: Demand, qual: Qual) -> Iterator[str | None]:
    """Operator classes of GIN that answer the condition; None is the type's default."""
    column = demand.relation.column(qual.column)
    if column is None:
        return
    if qual.kind in {"like", "regex", "similar"} and qual.operator[:1] != "!":
        if has_trigrams(demand.snapshot, column, bare=qual.expression is None):
            yield "gin_trgm_ops"
    elif qual.kind == "text_search" or _is_whole_array(qual, column):
        yield None
    elif qual.kind == "contains":
        if column.type.endswith("[]"):
            if qual.operator in _ARRAY_OPERATORS:
                # intarray's operators on int[] come before those of all arrays.
                own = column.type == "integer[]" and is_installed(demand.snapshot, "intarray")
                yield "gin__int_ops" if own else None
        elif column.type == "jsonb":
            yield "jsonb_path_ops" if qual.operator in _PATH_OPERATORS else None


def _is_whole_array(qual: Qual, column: Column) -> bool:
    return qual.kind == "equal" and qual.expression is None and column.type.endswith("[]")
