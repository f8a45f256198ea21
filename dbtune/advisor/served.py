"""Existing indexes: what they serve already, and what a new index makes superfluous."""

from __future__ import annotations

from dataclasses import replace

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, is_prefix, spec_of
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot


def is_served(spec: IndexSpec, snapshot: Snapshot) -> bool:
    """True if a valid index exists that does all that the candidate would do.

    One on all rows does not do what a partial one does: it passes through the other rows too.
    """
    valid = [i for i in snapshot.indexes_by_relation.get(spec.relation, ()) if i.is_valid]
    if any(_covers(spec, spec_of(index)) for index in valid):
        return True
    if not valid or not (spec.predicate or any(key.expression for key in spec.keys)):
        return False
    # The server writes expressions in its own way; the name of one that dbtune made tells it.
    name = spec.default_name()
    return any(index.name.name == name for index in valid)


def _covers(spec: IndexSpec, existing: IndexSpec) -> bool:
    if spec.access_method != "btree":
        same = (spec.access_method, spec.keys, spec.predicate)
        return same == (existing.access_method, existing.keys, existing.predicate)
    return is_prefix(spec, existing) or is_prefix(spec, _backward(existing))


def _backward(spec: IndexSpec) -> IndexSpec:
    """The same B-tree as a backward scan sees it."""
    keys = tuple(
        replace(k, descending=not k.descending, nulls_first=not k.nulls_first) for k in spec.keys
    )
    return replace(spec, keys=keys)


def replaced_by(spec: IndexSpec, snapshot: Snapshot) -> tuple[Index, ...]:
    """Existing indexes that serve nothing which the new one would not: droppable once it stands.

    Never one that backs a constraint, is unique, or identifies rows to replication.
    """
    return tuple(
        index
        for index in snapshot.indexes_by_relation.get(spec.relation, ())
        if _is_droppable(index) and is_prefix(spec_of(index), spec)
    )


def _is_droppable(index: Index) -> bool:
    bound = index.constraint or index.is_unique or index.is_replica_identity or index.parent
    return index.is_valid and not bound


def names(indexes: tuple[Index, ...]) -> tuple[QualifiedName, ...]:
    return tuple(index.name for index in indexes)
