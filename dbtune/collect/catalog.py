"""Catalog rows put together into the snapshot's relations and indexes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dbtune.collect.session import Row
from dbtune.snapshot.catalog import Index, Relation

StatisticsByColumn = Mapping[tuple[str, str, str], Sequence[Row]]
"""Rows of pg_stats by schema, relation (or index) and attribute."""


def by_column(statistics: Iterable[Row]) -> StatisticsByColumn:
    grouped: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in statistics:
        grouped[row["schema"], row["relation"], row["attribute"]].append(row)
    return grouped


def relations_of(
    relations: Iterable[Row], columns: Iterable[Row], statistics: StatisticsByColumn
) -> tuple[Relation, ...]:
    """The relations with their columns, and those with their statistics."""
    columns_of: dict[int, list[Row]] = defaultdict(list)
    for column in columns:
        columns_of[column["relation_oid"]].append(column)
    nested = [
        {
            **relation,
            "columns": [
                {**column, "statistics": statistics.get(_key(relation, column["name"]), ())}
                for column in columns_of[relation["oid"]]
            ],
        }
        for relation in relations
    ]
    return msgspec.convert(nested, tuple[Relation, ...])


def indexes_of(indexes: Iterable[Row], statistics: StatisticsByColumn) -> tuple[Index, ...]:
    """The indexes; ANALYZE keeps the statistics of an expression under the index's name."""
    nested = [
        {
            **index,
            "keys": [
                {**key, "statistics": _first(statistics.get(_key(index, attribute), ()))}
                for key, attribute in zip(index["keys"], index["key_attributes"], strict=True)
            ],
        }
        for index in indexes
    ]
    return msgspec.convert(nested, tuple[Index, ...])


def _key(owner: Row, attribute: str) -> tuple[str, str, str]:
    return owner["name"]["schema"], owner["name"]["name"], attribute


def _first(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None
