"""The catalog queries, and their rows put together into relations, indexes and the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from dbtune.collect import missing
from dbtune.collect.first_pages import gin_pages, tree_heights
from dbtune.collect.session import Row, Session
from dbtune.identifier import QualifiedName
from dbtune.index import spec_of
from dbtune.snapshot.catalog import (
    Constraint,
    ExtendedStatistics,
    Index,
    Relation,
    SchemaObject,
)

T = TypeVar("T")

StatisticsByColumn = Mapping[tuple[str, str, str], Sequence[Row]]
"""Rows of pg_stats by schema, relation (or index) and attribute."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The part of a snapshot that comes from the catalog."""

    relations: tuple[Relation, ...]
    indexes: tuple[Index, ...]
    constraints: tuple[Constraint, ...]
    extended_statistics: tuple[ExtendedStatistics, ...]
    objects: tuple[SchemaObject, ...]


def read_catalog(session: Session, selected: Sequence[Row]) -> Catalog:
    """The catalog of the selected relations, and every other object that they may need."""
    oids = {"selected": [row["oid"] for row in selected]}
    schemas = {"schemas": sorted({row["schema"] for row in selected})}
    relations = session.rows("relations", oids)
    blocked = [QualifiedName(**row["name"]) for row in relations if row["is_blocked"]]
    if blocked:
        session.not_collected.append(missing.locked(blocked))
    statistics = by_column(
        session.rows_if_possible("column_statistics", missing.STATISTICS, schemas)
    )
    extended = session.rows_if_possible("extended_statistics", "extended statistics", oids)
    objects = sorted(session.rows_in("objects", oids), key=_object_order)
    return Catalog(
        relations_of(relations, session.rows("columns", oids), statistics),
        _with_first_pages(
            indexes_of(_still_there(session.rows("indexes", oids)), statistics),
            _first_pages(session, oids),
        ),
        values(_still_there(session.rows("constraints", oids)), Constraint),
        values(_still_there(extended), ExtendedStatistics),
        values(_still_there(objects), SchemaObject),
    )


def _first_pages(session: Session, oids: Mapping[str, list[int]]) -> Sequence[Row]:
    """The first pages of indexes, where the role may read files; heights are else estimated."""
    if not session.may_read_files:
        return ()
    return session.rows_if_possible("index_first_pages", "heights of B-trees", oids)


def _with_first_pages(indexes: Sequence[Index], pages: Sequence[Row]) -> tuple[Index, ...]:
    heights, gins = tree_heights(pages), gin_pages(pages)
    return tuple(
        replace(i, tree_height=heights.get(i.oid), gin_pages=gins.get(i.oid)) for i in indexes
    )


def _still_there(rows: Iterable[Row]) -> list[Row]:
    """The rows whose object nobody dropped meanwhile: the server still knows a definition."""
    return [row for row in rows if row["definition"] is not None]


def values(rows: Sequence[Row], of: type[T]) -> tuple[T, ...]:
    """Rows as values: their columns are named as the fields are."""
    return msgspec.convert(rows, tuple[of, ...])  # type: ignore[valid-type]


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
    found = msgspec.convert(nested, tuple[Index, ...])
    return tuple(i if i.definition else _defined(i) for i in found)


def _defined(index: Index) -> Index:
    """An index whose definition the server could not be asked for: somebody locks its relation."""
    return replace(index, definition=spec_of(index).ddl(index.name.name))


def _key(owner: Row, attribute: str) -> tuple[str, str, str]:
    return owner["name"]["schema"], owner["name"]["name"], attribute


def _first(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None


def _object_order(row: Row) -> tuple[str, str, int]:
    return row["kind"], row["identity"], row["oid"]
