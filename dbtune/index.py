"""IndexSpec: an index as a value that can be compared, merged, named and written as DDL."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from dbtune.identifier import MAX_IDENTIFIER_BYTES, QualifiedName, quote_identifier
from dbtune.snapshot.catalog import Index, IndexKey

_ORDERED = frozenset({"btree"})

EXTENSION_OF_OPCLASS = {"gin_trgm_ops": "pg_trgm", "gist_trgm_ops": "pg_trgm"}
"""Operator classes that dbtune proposes, and the extension that brings them."""


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """What an index is, apart from its name: enough to build it, compare it and price it."""

    relation: QualifiedName
    keys: tuple[IndexKey, ...]
    included: tuple[str, ...] = ()
    predicate: str | None = None
    access_method: str = "btree"
    is_unique: bool = False
    options: tuple[str, ...] = ()

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Key columns by name; an expression key stands as its SQL text."""
        return tuple(k.column or k.expression or "" for k in self.keys)

    @property
    def columns(self) -> tuple[str, ...]:
        """Key columns and included columns."""
        return (*self.key_columns, *self.included)

    @property
    def extensions(self) -> tuple[str, ...]:
        """Extensions whose operator classes it uses, as far as dbtune proposes such."""
        wanted = (EXTENSION_OF_OPCLASS.get(key.opclass or "") for key in self.keys)
        return tuple(dict.fromkeys(name for name in wanted if name))

    def body(self) -> str:
        """`relation USING method (keys) INCLUDE (…) WITH (…) WHERE …`: the DDL after ON."""
        keys = ", ".join(key_sql(key, self.access_method) for key in self.keys)
        sql = f"{self.relation.sql} USING {self.access_method} ({keys})"
        if self.included:
            sql += f" INCLUDE ({', '.join(map(quote_identifier, self.included))})"
        if self.options:
            sql += f" WITH ({', '.join(self.options)})"
        if self.predicate:
            sql += f" WHERE {self.predicate}"
        return sql

    def ddl(self, name: str, *, concurrently: bool = False) -> str:
        """The CREATE INDEX statement, without a semicolon."""
        unique = "UNIQUE " if self.is_unique else ""
        how = "CONCURRENTLY " if concurrently else ""
        return f"CREATE {unique}INDEX {how}{quote_identifier(name)} ON {self.body()}"

    def default_name(self) -> str:
        """A deterministic name of at most 63 bytes; the hash of the body keeps it unique."""
        digest = hashlib.sha256(self.ddl("").encode()).hexdigest()[:8]
        words = [self.relation.name, *(re.sub(r"\W+", "_", c).strip("_") for c in self.key_columns)]
        stem, tail = "_".join(words), f"_{digest}_idx"
        room = MAX_IDENTIFIER_BYTES - len(tail)
        return stem.encode()[:room].decode(errors="ignore") + tail

    def __str__(self) -> str:
        keys = ", ".join(key_sql(key, self.access_method) for key in self.keys)
        text = f"{self.relation}({keys})"
        if self.access_method != "btree":
            text += f" using {self.access_method}"
        if self.included:
            text += f" include ({', '.join(map(quote_identifier, self.included))})"
        return text + (f" where {self.predicate}" if self.predicate else "")


def spec_of(index: Index) -> IndexSpec:
    """The spec of an index that exists."""
    return IndexSpec(
        relation=index.relation,
        keys=tuple(
            IndexKey(k.column, k.expression, k.opclass, k.collation, k.descending, k.nulls_first)
            for k in index.keys
        ),
        included=index.included,
        predicate=index.predicate,
        access_method=index.access_method,
        is_unique=index.is_unique,
        options=index.options,
    )


def column_key(column: str, *, descending: bool = False) -> IndexKey:
    """A plain key with PostgreSQL's default null order (nulls first exactly when descending)."""
    return IndexKey(column, descending=descending, nulls_first=descending)


def is_prefix(shorter: IndexSpec, longer: IndexSpec) -> bool:
    """True if every scan that `shorter` serves in order, `longer` serves too.

    That holds for two B-trees on one relation with one predicate when the keys of `shorter` begin
    those of `longer`, all in the same or all in the opposite direction (a B-tree is read both
    ways), and its included columns stand somewhere in `longer`.
    """
    return (
        _same_rows(shorter, longer)
        and shorter.access_method in _ORDERED
        and _same_order(shorter.keys, longer.keys[: len(shorter.keys)])
        and set(shorter.included) <= set(longer.columns)
    )


def is_same(one: IndexSpec, other: IndexSpec) -> bool:
    """True if two indexes serve exactly the same scans; uniqueness and options aside."""
    if one.access_method in _ORDERED:
        return len(one.keys) == len(other.keys) and is_prefix(one, other) and is_prefix(other, one)
    return (
        _same_rows(one, other)
        and one.keys == other.keys
        and set(one.included) == set(other.included)
    )


def _same_rows(one: IndexSpec, other: IndexSpec) -> bool:
    return (
        one.relation == other.relation
        and one.access_method == other.access_method
        and one.predicate == other.predicate
    )


def _same_order(one: tuple[IndexKey, ...], other: tuple[IndexKey, ...]) -> bool:
    opposite = tuple(
        replace(k, descending=not k.descending, nulls_first=not k.nulls_first) for k in one
    )
    return other in (one, opposite)


def key_sql(key: IndexKey, access_method: str = "btree") -> str:
    """The key as CREATE INDEX takes it; order is written for ordered access methods."""
    sql = quote_identifier(key.column) if key.column else f"({key.expression})"
    if key.collation:
        sql += f" COLLATE {key.collation.sql}"
    if key.opclass:
        sql += f" {key.opclass}"
    if access_method in _ORDERED:
        if key.descending:
            sql += " DESC"
        if key.nulls_first != key.descending:
            sql += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
    return sql
