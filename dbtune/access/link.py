"""Which statement's rows can hold the values that another one looks up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dbtune.snapshot.model import Snapshot
from dbtune.statement.outline import ColumnName, Outline

LinkKind = Literal["foreign key", "same key", "type and id", "name"]

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Link:
    """Why a lookup can be fed by a parent's rows. `column` is what the lookup compares."""

    kind: LinkKind
    column: ColumnName
    explanation: str


@dataclass(frozen=True)
class Links:
    """The foreign keys of a catalog; without a catalog, names that follow the usual custom."""

    references: frozenset[tuple[str, str, str, str]]
    keys: frozenset[tuple[str, str]]

    @cached_property
    def relations(self) -> frozenset[str]:
        return frozenset(relation for relation, _ in self.keys)

    def is_key(self, column: ColumnName) -> bool:
        """True if a lookup by this column finds a row or the rows of one other row."""
        if column.relation and (column.relation, column.column) in self.keys:
            return True
        if column.relation and any(
            r[:2] == (column.relation, column.column) for r in self.references
        ):
            return True
        return _looks_like_key(column.column)

    def is_unique(self, column: ColumnName) -> bool:
        """True if a lookup by this column finds at most one row."""
        if column.relation in self.relations:
            return (column.relation, column.column) in self.keys
        return column.column.lower() == "id"

    def link(self, parent: Outline, child: Outline) -> Link | None:
        """How the parent's rows lead to the child's values, the surest way first."""
        for column in child.equal:
            found = self._by_foreign_key(parent, column)
            if found:
                return found
        for column in child.equal:
            found = self._by_custom(parent, column)
            if found:
                return found
        return None

    def _by_foreign_key(self, parent: Outline, column: ColumnName) -> Link | None:
        for relation, name, referenced, key in sorted(self.references):
            mine = (column.relation, column.column)
            if mine == (relation, name) and referenced in parent.relations:
                text = f"{relation}.{name} references {referenced}"
                return Link("foreign key", column, text)
            if mine == (referenced, key) and relation in parent.relations:
                text = f"{relation}.{name} references {referenced}"
                return Link("foreign key", column, text)
        for relation, name, referenced, _ in sorted(self.references):
            if (column.relation, column.column) == (relation, name):
                for other, column_of_other, target, _ in sorted(self.references):
                    if target == referenced and other in parent.relations and other != relation:
                        text = f"{relation}.{name} and {other}.{column_of_other} reference {target}"
                        return Link("foreign key", column, text)
        return None

    def _by_custom(self, parent: Outline, column: ColumnName) -> Link | None:
        """Names that say so, where no foreign key does."""
        if column.relation in parent.relations and self.is_unique(column):
            return Link("same key", column, f"rows of {column.relation} are read again by key")
        if self.is_unique(column) and _looks_like_key(column.column) and _has_type_and_id(parent):
            return Link("type and id", column, "the parent's rows hold a type and an id")
        if column.relation and self.is_unique(column):
            for output in parent.projected:
                if _stem(output.column) and _same(_stem(output.column), column.relation):
                    text = f"{output.column} names {column.relation}"
                    return Link("name", column, text)
        for relation in parent.relations:
            if _stem(column.column) and _same(_stem(column.column), relation):
                return Link("name", column, f"{column.column} names {relation}")
        return None


def links_of(snapshot: Snapshot | None) -> Links:
    """The links of a catalog; of none, those that names tell."""
    if snapshot is None:
        return Links(frozenset(), frozenset())
    references = frozenset(
        (fk.relation.name, column, fk.referenced.name, key)
        for fk in snapshot.foreign_keys
        if fk.referenced
        for column, key in zip(fk.columns, fk.referenced_columns, strict=False)
    )
    keys = frozenset(
        (index.relation.name, index.keys[0].column)
        for index in snapshot.indexes
        if index.is_unique and len(index.keys) == 1 and index.keys[0].column and not index.predicate
    )
    return Links(references, keys)


def _words(name: str) -> list[str]:
    return [word for word in _CAMEL.sub("_", name).lower().split("_") if word]


def _looks_like_key(column: str) -> bool:
    return _words(column)[-1:] in (["id"], ["uuid"], ["fk"], ["pk"])


def _stem(column: str) -> str:
    """`owner` of `owner_id`, `ownerId`; empty for any other column."""
    words = _words(column)
    return "_".join(words[:-1]) if len(words) > 1 and words[-1] in ("id", "uuid", "fk") else ""


def _same(stem: str, relation: str) -> bool:
    """True if a column's stem names a relation, in the singular or the plural."""
    name = "_".join(_words(relation))
    forms = {stem, stem + "s", stem + "es", stem[:-1] + "ies" if stem.endswith("y") else stem}
    return any(name == form or name.endswith("_" + form) for form in forms)


def _has_type_and_id(parent: Outline) -> bool:
    """True for rows like (target_type, target_id): the relation stands in another column."""
    stems = {_stem(output.column) for output in parent.projected} - {""}
    types = {
        "_".join(_words(output.column)[:-1])
        for output in parent.projected
        if _words(output.column)[-1:] in (["type"], ["kind"], ["model"])
    }
    generic = any(_words(o.column)[:2] == ["content", "type"] for o in parent.projected)
    return not stems.isdisjoint(types) or (generic and "object" in stems)
