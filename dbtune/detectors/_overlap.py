"""Which indexes another index makes dispensable, decided once for all detectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dbtune.advice import DropIndex
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, is_prefix, is_same, spec_of
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot


@dataclass(frozen=True, slots=True)
class Overlap:
    """An index that can go, and the one that does its work and stays."""

    index: Index
    kept: Index
    same: bool


def overlaps(snapshot: Snapshot) -> Iterator[Overlap]:
    """Every dispensable index once, in the order of indexes; no index kept is itself listed."""
    referenced = frozenset(c.index for c in snapshot.foreign_keys if c.index)
    for indexes in snapshot.indexes_by_relation.values():
        usable = [i for i in indexes if i.is_valid and i.is_ready]
        kept = sorted(usable, key=lambda i: _worth(i, referenced), reverse=True)
        same = list(_same(kept, referenced))
        gone = {overlap.index.name for overlap in same}
        yield from same
        yield from _begun([i for i in usable if i.name not in gone])


def drop(overlap: Overlap) -> DropIndex:
    """The change that removes what is dispensable."""
    index = overlap.index
    return DropIndex(index.name, index.relation, index.definition, (overlap.kept.name,))


def can_be_dropped(index: Index) -> bool:
    """True if the index enforces nothing and belongs to no constraint, parent or replication."""
    return not (
        index.is_unique
        or index.is_primary
        or index.is_exclusion
        or index.is_replica_identity
        or index.constraint
        or index.parent
    )


def replaced_by(snapshot: Snapshot, spec: IndexSpec) -> Iterator[Index]:
    """Indexes of a relation, or of its single partitions, that a new one would make needless."""
    for index in snapshot.indexes_by_relation.get(spec.relation, ()):
        if index.is_valid and can_be_dropped(index) and is_prefix(spec_of(index), spec):
            yield index
    for partition in snapshot.partitions_by_parent.get(spec.relation, ()):
        yield from replaced_by(snapshot, replace(spec, relation=partition.name))


def _worth(index: Index, referenced: frozenset[QualifiedName]) -> tuple[bool | int, ...]:
    """Of two same indexes the greater is kept: what enforces more, then the older."""
    return (
        index.is_primary,
        index.is_replica_identity,
        index.name in referenced,
        index.constraint is not None,
        index.is_unique,
        index.parent is not None,
        -index.oid,
    )


def _same(kept_first: list[Index], referenced: frozenset[QualifiedName]) -> Iterator[Overlap]:
    for position, index in enumerate(kept_first):
        if index.parent or index.is_replica_identity or index.name in referenced:
            continue
        for better in kept_first[:position]:
            if is_same(spec_of(index), spec_of(better)) and _enforces(better, index):
                yield Overlap(index, better, same=True)
                break


def _enforces(better: Index, index: Index) -> bool:
    """True if `better` guarantees all that `index` does."""
    if index.is_exclusion:
        return False
    if not index.is_unique:
        return True
    return (
        better.is_unique
        and better.is_immediate == index.is_immediate
        and better.nulls_not_distinct == index.nulls_not_distinct
    )


def _begun(indexes: list[Index]) -> Iterator[Overlap]:
    """Indexes whose keys begin those of a longer one that is not itself dispensable."""
    for index in indexes:
        if not can_be_dropped(index):
            continue
        spec = spec_of(index)
        longer = [i for i in indexes if i.name != index.name and is_prefix(spec, spec_of(i))]
        staying = [i for i in longer if not _begins_another(i, indexes)]
        if staying:
            yield Overlap(index, min(staying, key=lambda i: (i.size_bytes, i.oid)), same=False)


def _begins_another(index: Index, indexes: list[Index]) -> bool:
    if not can_be_dropped(index):
        return False
    spec = spec_of(index)
    return any(i.name != index.name and is_prefix(spec, spec_of(i)) for i in indexes)
