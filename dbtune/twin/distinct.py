"""How many values a column must have, by the unique indexes that it is part of. Pure.

ANALYZE reads rows that stand together: of a column with a few equal values side by side it takes
the values for far fewer than there are (l_orderkey of TPC-H: a quarter). But if (a, b) is unique,
all rows with one value of b differ in a. The most common value of b is seen often, so how common it
is can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.snapshot.catalog import Column, Index, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.estimate import KeyFigures, column_figures


def key_figures(column: Column, relation: Relation, snapshot: Snapshot) -> KeyFigures:
    """The figures of a relation's column, with no fewer values than it must have."""
    least = least_distinct(column.name, relation, snapshot)
    return column_figures(column, least, relation.reltuples)


def least_distinct(name: str, relation: Relation, snapshot: Snapshot) -> float:
    """Values that a column of a relation has at least; 0.0 if no unique index of two tells."""
    column = relation.column(name)
    statistics = column.statistics_for() if column else None
    if statistics is None:
        return 0.0
    most_common = [
        max(partner.most_common_freqs or (0.0,))
        for index in snapshot.indexes_by_relation.get(relation.name, ())
        for other in _partners(index, name)
        if (found := relation.column(other)) and (partner := found.statistics_for())
    ]
    return relation.reltuples * max(max(most_common, default=0.0) - statistics.null_frac, 0.0)


def _partners(index: Index, name: str) -> Iterator[str]:
    """The other column of a unique index of two."""
    columns = [key.column for key in index.keys]
    is_known = index.is_unique and index.is_valid and index.predicate is None
    if is_known and len(columns) == 2 and name in columns:
        yield from (column for column in columns if column and column != name)
