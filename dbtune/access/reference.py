"""Which columns hold another relation's key: by foreign key, or by a custom of names and types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, Relation
from dbtune.snapshot.model import Snapshot

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_KEY_WORDS = frozenset({"id", "uuid", "guid", "fk", "pk", "key"})
_DESCRIBING = frozenset({"name", "title", "label", "description", "value", "status", "state"})
"""Names of columns that tell of their own row, also where some relation has one as its key."""

_ABOVE = frozenset(
    {
        "parent",
        "ancestor",
        "superior",
        "supervisor",
        "boss",
        "reports_to",
        "reply_to",
        "in_reply_to",
    }
)
TYPE_WORDS = frozenset({"type", "kind", "model", "class"})
_SHARED_VALUES = 3
_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_TEXTS = ("text", "character varying", "character")


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that hold a key of `referenced`, by a foreign key of this name or for `reason`.

    `share` is the part of the rows that refer to this relation, where a column beside says which
    one is meant.
    """

    relation: QualifiedName
    columns: tuple[str, ...]
    referenced: QualifiedName
    key: tuple[str, ...]
    constraint: str = ""
    reason: str = ""
    share: float = 1.0

    @property
    def is_own_key(self) -> bool:
        """True if the columns are the relation's key itself: rows that are asked for again."""
        return (self.relation, self.columns) == (self.referenced, self.key)

    def __str__(self) -> str:
        columns = ", ".join(self.columns)
        named = columns if len(self.columns) == 1 else f"({columns})"
        if self.constraint:
            return f"{self.relation.name}.{named} references {self.referenced.name}"
        return f"{self.relation.name}.{named} {self.reason} {self.referenced.name}"


@dataclass(frozen=True, slots=True)
class _Key:
    """A primary key of one column."""

    relation: Relation
    column: Column


def references_of(snapshot: Snapshot) -> tuple[Reference, ...]:
    """The foreign keys, then the columns without one that still tell of a key.

    By name and type; by a column beside that names relations; by values that both columns have.
    """
    declared = tuple(
        Reference(key.relation, key.columns, key.referenced, key.referenced_columns, key.name)
        for key in snapshot.foreign_keys
        if key.referenced
    )
    keys = list(_primary_keys(snapshot))
    own = {(key.relation.name, key.column.name) for key in keys}
    own |= {(one.relation, column) for one in declared for column in one.columns}
    # A name that many tables use for their key says nothing of which one is meant.
    common = Counter(key.column.name for key in keys)
    customary = [
        one
        for relation in snapshot.relations
        if not relation.is_partition
        for column in relation.columns
        if (relation.name, column.name) not in own
        for one in (
            *_named(relation, column, keys, common),
            *_typed(relation, column, keys),
            *_shared(relation, column, keys),
        )
    ]
    return (*declared, *{(r.relation, r.columns, r.referenced): r for r in customary}.values())


def unique_keys(snapshot: Snapshot) -> dict[QualifiedName, tuple[frozenset[str], ...]]:
    """The sets of columns that find at most one row, for each relation that has any."""
    found: dict[QualifiedName, list[frozenset[str]]] = {}
    for index in snapshot.indexes:
        columns = frozenset(key.column for key in index.keys if key.column)
        if index.is_unique and not index.predicate and len(columns) == len(index.keys):
            found.setdefault(index.relation, []).append(columns)
    return {relation: tuple(keys) for relation, keys in found.items()}


def _primary_keys(snapshot: Snapshot) -> Iterator[_Key]:
    for index in snapshot.indexes:
        relation = snapshot.relation_by_name.get(index.relation)
        if relation and not relation.is_partition and index.is_primary and len(index.keys) == 1:
            column = relation.column(index.keys[0].column or "")
            if column:
                yield _Key(relation, column)


def _named(
    relation: Relation, column: Column, keys: Sequence[_Key], common: Counter[str]
) -> Iterator[Reference]:
    """What the column's name says: a relation, a tree, or a natural key under its own name."""
    for key in keys:
        target = key.relation
        if _kind_of(column) != _kind_of(key.column):
            continue
        if names_parent(column.name, relation.name.name):
            is_meant = relation.name == target.name
        elif column.name == key.column.name and common[column.name] == 1:
            is_meant = relation.name != target.name and column.name.lower() not in _DESCRIBING
        else:
            is_meant = names(stem(column.name) or column.name, target.name.name)
        if is_meant:
            yield _customary(relation, column, key, "by its name holds a key of")


def _typed(relation: Relation, column: Column, keys: Sequence[_Key]) -> Iterator[Reference]:
    """References to several relations: a column beside holds their names."""
    subject = stem(column.name)
    for beside in relation.columns:
        statistics = beside.statistics_for()
        said = words(beside.name)
        is_type = "_".join(said) == subject or (
            said[-1] in TYPE_WORDS and said[:-1] == words(subject)
        )
        if not subject or not is_type or statistics is None:
            continue
        values = zip(
            statistics.most_common_values or (), statistics.most_common_freqs or (), strict=False
        )
        for value, share in values:
            last = re.split(r"[.:/\\]", value)[-1]
            for key in keys:
                if _kind_of(column) == _kind_of(key.column) and names(last, key.relation.name.name):
                    reason = f"with {beside.name} holds a key of"
                    yield replace(_customary(relation, column, key, reason), share=share)


def _shared(relation: Relation, column: Column, keys: Sequence[_Key]) -> Iterator[Reference]:
    """Random keys that the statistics of both columns hold: such do not coincide."""
    if column.type != "uuid":
        return
    mine = _sampled(column)
    for key in keys:
        if key.column.type == "uuid" and len(mine & _sampled(key.column)) >= _SHARED_VALUES:
            yield _customary(relation, column, key, "has values that are keys of")


def _sampled(column: Column) -> frozenset[str]:
    found = column.statistics_for()
    if found is None:
        return frozenset()
    return frozenset((*(found.most_common_values or ()), *(found.histogram_bounds or ())))


def _customary(relation: Relation, column: Column, key: _Key, reason: str) -> Reference:
    return Reference(
        relation.name, (column.name,), key.relation.name, (key.column.name,), reason=reason
    )


def _kind_of(column: Column) -> str:
    """The type, integers of all sizes as one, and texts."""
    if column.type in _INTEGERS:
        return "integer"
    return "text" if column.type.startswith(_TEXTS) else column.type


def words(name: str) -> list[str]:
    """The words of a name in snake or camel case, in lower case."""
    return [word for word in _CAMEL.sub("_", name).lower().split("_") if word]


def looks_like_key(column: str) -> bool:
    """True for names that end like a key's."""
    return words(column)[-1:] in (["id"], ["uuid"], ["guid"], ["fk"], ["pk"])


def names_parent(column: str, relation: str | None) -> bool:
    """True for the column by which a tree's rows name the row above them.

    `parent`, `parent_id`, `reports_to`; in a relation of categories also `parent_category_id`.
    """
    said = "_".join(word for word in words(column) if word not in _KEY_WORDS)
    above, _, kind = said.partition("_")
    return said in _ABOVE or (above == "parent" and names(kind, relation or ""))


def stem(column: str) -> str:
    """`owner` of `owner_id`, `ownerId`; empty for any other column."""
    found = words(column)
    return "_".join(found[:-1]) if len(found) > 1 and found[-1] in _KEY_WORDS else ""


def names(said: str, relation: str) -> bool:
    """True if a column's stem names a relation, in the singular or the plural."""
    said, name = "_".join(words(said)), "_".join(words(relation))
    if not said:
        return False
    forms = {said, said + "s", said + "es", said[:-1] + "ies" if said.endswith("y") else said}
    return any(name == form or name.endswith("_" + form) for form in forms)
