"""Which index serves the lookups of a foreign key: the question behind three detectors."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from dbtune.detectors._relation import distinct_values, rows_of
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.catalog import Constraint, Index, Relation
from dbtune.snapshot.model import Snapshot

SKIP_SCAN_MAJOR = 18
"""PostgreSQL 18's B-trees can skip over a leading key column that has few values."""


def foreign_keys_served(
    snapshot: Snapshot, index: Index, without: Collection[QualifiedName] = ()
) -> Iterator[Constraint]:
    """The foreign keys that this index helps and that no other outside `without` serves.

    An index helps that begins with any column of the key: it may leave few enough rows. So may
    one, where the server can skip, that has such a column further on.
    """
    skips = snapshot.server.major >= SKIP_SCAN_MAJOR
    for key in snapshot.constraints_by_relation.get(index.relation, ()):
        reached = index.keys if skips else index.keys[:1]
        helps = _looks_up_all(index, key.columns) and any(k.column in key.columns for k in reached)
        if key.kind != "f" or not helps:
            continue
        others = [
            other
            for other in snapshot.indexes_by_relation.get(index.relation, ())
            if other.name != index.name and other.name not in without
        ]
        if not any(serves(other, key.columns) for other in others):
            yield key


def is_served(
    snapshot: Snapshot, key: Constraint, *, max_rows_per_value: float, max_skipped_values: float
) -> bool:
    """True if finding the rows that refer to one referenced row needs no scan of the relation.

    Args:
        snapshot: the catalog.
        key: a foreign key.
        max_rows_per_value: an index that begins with only some of the key's columns serves too,
            when at most this many rows share their values.
        max_skipped_values: from PostgreSQL 18, an index serves too whose one leading column that
            is not of the key has at most this many values.
    """
    relation = snapshot.relation_by_name.get(key.relation)
    if relation is None:
        return False
    if _is_served_on(snapshot, relation, key, max_rows_per_value, max_skipped_values):
        return True
    parts = list(snapshot.leaves(relation)) if relation.kind == "p" else []
    return bool(parts) and all(
        _is_served_on(snapshot, part, key, max_rows_per_value, max_skipped_values) for part in parts
    )


def serves(index: Index, columns: Collection[str]) -> bool:
    """True if the index begins with exactly these columns, in any order, and holds their rows."""
    lead = [key.column for key in index.keys[: len(columns)]]
    return _looks_up_all(index, columns) and set(lead) == set(columns)


def _is_served_on(
    snapshot: Snapshot,
    relation: Relation,
    key: Constraint,
    max_rows_per_value: float,
    max_skipped_values: float,
) -> bool:
    rows = rows_of(snapshot, relation)
    for index in snapshot.indexes_by_relation.get(relation.name, ()):
        if not _looks_up_all(index, key.columns):
            continue
        if serves(index, key.columns):
            return True
        lead = _leading(index, key.columns)
        if lead and _rows_per_value(relation, lead, rows) <= max_rows_per_value:
            return True
        if snapshot.server.major >= SKIP_SCAN_MAJOR and _skips(
            index, relation, key.columns, rows, max_skipped_values
        ):
            return True
    return False


def _looks_up_all(index: Index, columns: Collection[str]) -> bool:
    """A valid index for equality that holds every row in which the columns are not null.

    A foreign key's own queries say `column = $1`, which implies `column IS NOT NULL`.
    """
    if not (index.is_valid and index.is_ready and index.access_method in {"btree", "hash"}):
        return False
    if any(key.collation for key in index.keys[: len(columns)]):
        return False
    if index.predicate is None:
        return True
    wanted = {f"{quote_identifier(c)} IS NOT NULL" for c in columns}
    terms = re.split(r"\)? AND \(?", index.predicate.strip("()"))
    return {term.strip("()") for term in terms} <= wanted


def _leading(index: Index, columns: Collection[str]) -> tuple[str, ...]:
    """The index's leading key columns that are among `columns`."""
    lead: list[str] = []
    for key in index.keys:
        if key.column is None or key.column not in columns:
            break
        lead.append(key.column)
    return tuple(lead)


def _rows_per_value(relation: Relation, columns: Collection[str], rows: int) -> float:
    """Rows that share one value of the most selective of the columns; infinite when unknown."""
    counts = [distinct_values(relation, column, rows) for column in columns]
    known = [count for count in counts if count]
    return rows / max(known) if known else float("inf")


def _skips(
    index: Index, relation: Relation, columns: Collection[str], rows: int, max_values: float
) -> bool:
    """True if a skip scan over one leading column of few values reaches the key's columns."""
    if index.access_method != "btree" or len(index.keys) <= len(columns):
        return False
    first, rest = index.keys[0], index.keys[1 : 1 + len(columns)]
    if first.column is None or {key.column for key in rest} != set(columns):
        return False
    values = distinct_values(relation, first.column, rows)
    return values is not None and values <= max_values
