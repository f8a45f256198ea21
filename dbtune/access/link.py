"""Which statement's rows can hold the values that another one looks up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dbtune.access.reference import (
    TYPE_WORDS,
    Reference,
    looks_like_key,
    names,
    names_parent,
    references_of,
    stem,
    unique_keys,
    words,
)
from dbtune.snapshot.model import Snapshot
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import Outline

LinkKind = Literal["foreign key", "custom", "same key", "type and id", "name"]


@dataclass(frozen=True, slots=True)
class Link:
    """Why a lookup can be fed by a parent's rows. `column` is what the lookup compares."""

    kind: LinkKind
    column: ColumnName
    explanation: str


@dataclass(frozen=True)
class Links:
    """The references of a catalog; without a catalog, names that follow the usual custom.

    `unique` holds the sets of columns that find at most one row, by the relation's bare name.
    """

    references: tuple[Reference, ...]
    unique: Mapping[str, Collection[frozenset[str]]]

    def is_key(self, column: ColumnName) -> bool:
        """True if a lookup by this column finds a row or the rows of one other row."""
        name = (column.relation or "", column.column)
        return self.is_unique(column) or name in self._ends or looks_like_key(column.column)

    def is_unique(self, column: ColumnName) -> bool:
        """True if a lookup by this column finds at most one row."""
        keys = self.unique.get(column.relation or "")
        if keys is not None:
            return frozenset((column.column,)) in keys
        return column.column.lower() == "id"

    def finds_one(self, outline: Outline) -> bool:
        """True if the statement's equalities find at most one row."""
        if any(map(self.is_unique, outline.equal)):
            return True
        if not outline.relations or outline.joins:
            return False
        given = {column.column for column in outline.equal}
        return any(key <= given for key in self.unique.get(outline.relations[0], ()))

    def link(
        self, parent: Outline, child: Outline, varying: Sequence[ColumnName] | None = None
    ) -> Link | None:
        """How the parent's rows lead to the child's values, the surest way first.

        `varying` are those of the child's columns whose values are known to differ.
        """
        columns = child.equal if varying is None else varying
        found = (self._by_reference(parent, column) for column in columns)
        best = min(filter(None, found), key=lambda link: link.kind == "custom", default=None)
        if best:
            return best
        return next(filter(None, (self._by_custom(parent, child, c) for c in columns)), None)

    def feeds_itself(self, child: Outline) -> Link | None:
        """How a lookup's rows lead to the next lookup of the same kind, as in a tree."""
        for column in child.equal:
            link = self._by_reference(child, column)
            if link and self._returns_next(child, column):
                return link
            if names_parent(column.column, column.relation):
                return Link("custom", column, f"{column.column} names a row above")
        return None

    def _returns_next(self, child: Outline, column: ColumnName) -> bool:
        """True if the rows hold the value of this column for the rows below, or above."""
        named = {output.column for output in child.projected}
        return child.all_columns or any(
            named.issuperset(one.key if column.column in one.columns else one.columns)
            for one in self._ends.get((column.relation or "", column.column), ())
            if one.relation == one.referenced
        )

    @cached_property
    def _ends(self) -> dict[tuple[str, str], list[Reference]]:
        """The references at each column, held or referred to."""
        ends: dict[tuple[str, str], list[Reference]] = {}
        for one in self.references:
            for column in one.columns:
                ends.setdefault((one.relation.name, column), []).append(one)
            for column in one.key:
                ends.setdefault((one.referenced.name, column), []).append(one)
        return ends

    @cached_property
    def _held(self) -> dict[str, list[Reference]]:
        held: dict[str, list[Reference]] = {}
        for one in self.references:
            held.setdefault(one.referenced.name, []).append(one)
        return held

    def _by_reference(self, parent: Outline, column: ColumnName) -> Link | None:
        at = (column.relation or "", column.column)
        found = self._ends.get(at, ())
        for one in found:
            holds = (one.relation.name, column.column) == at and column.column in one.columns
            other = one.referenced.name if holds else one.relation.name
            if other in parent.relations:
                return _referring(one, column)
        for one in found:
            if one.relation.name != at[0] or column.column not in one.columns:
                continue
            for another in self._held[one.referenced.name]:
                if another.relation.name in parent.relations and another.relation != one.relation:
                    return _referring(one, column, f"{one}, and so does {another.relation.name}")
        return None

    def _by_custom(self, parent: Outline, child: Outline, column: ColumnName) -> Link | None:
        """Names that say so, where no reference does."""
        if column.relation in parent.relations and self.is_unique(column):
            return Link("same key", column, f"rows of {column.relation} are read again by key")
        if self.is_unique(column) and looks_like_key(column.column) and _has_type_and_id(parent):
            return Link("type and id", column, "the parent's rows hold a type and an id")
        if stem(column.column) in set(_types(child.equal)):
            text = f"{column.column} holds keys of several relations"
            return Link("type and id", column, text)
        return self._by_name(parent, column)

    def _by_name(self, parent: Outline, column: ColumnName) -> Link | None:
        """The parent's rows or relation have the name of what is looked up."""
        if column.relation and self.is_unique(column):
            for output in parent.projected:
                if stem(output.column) and names(stem(output.column), column.relation):
                    return Link("name", column, f"{output.column} names {column.relation}")
        for relation in parent.relations:
            if stem(column.column) and names(stem(column.column), relation):
                return Link("name", column, f"{column.column} names {relation}")
        if looks_like_key(column.column) and column.column.lower() not in ("id", "uuid"):
            for output in parent.projected:
                if output.column == column.column and output.relation != column.relation:
                    return Link("name", column, f"{column.column} stands in the parent's rows")
        return None


def links_of(snapshot: Snapshot | None) -> Links:
    """The links of a catalog; of none, those that names tell."""
    if snapshot is None:
        return Links((), {})
    unique: dict[str, list[frozenset[str]]] = {}
    for relation, keys in unique_keys(snapshot).items():
        unique.setdefault(relation.name, []).extend(keys)
    return Links(references_of(snapshot), unique)


def _referring(reference: Reference, column: ColumnName, text: str = "") -> Link:
    kind: LinkKind = "foreign key" if reference.constraint else "custom"
    return Link(kind, column, text or str(reference))


def _types(columns: Sequence[ColumnName]) -> Iterator[str]:
    """The stems of columns that name a kind of row: `owner` of `owner_type`."""
    for column in columns:
        said = words(column.column)
        if said[-1:] and said[-1] in TYPE_WORDS and len(said) > 1:
            yield "_".join(said[:-1])
        if said[:2] == ["content", "type"]:
            yield "object"


def _has_type_and_id(parent: Outline) -> bool:
    """True for rows like (target_type, target_id): the relation stands in another column."""
    stems = {stem(output.column) for output in parent.projected} - {""}
    return not stems.isdisjoint(_types(parent.projected))
