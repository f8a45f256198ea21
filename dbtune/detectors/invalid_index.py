"""Indexes that queries cannot use because their build failed or never ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.advice import Change, DropIndex, RebuildIndex
from dbtune.finding import Confidence, Match, Subject
from dbtune.index import is_same, spec_of
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot
from dbtune.workload import Workload

# The names that REINDEX CONCURRENTLY gives the index it builds and the one it replaces.
_LEFTOVER = re.compile(r"_cc(new|old)\d*\Z")


@dataclass(frozen=True, slots=True)
class Params:
    """None: an invalid index is of no use at any size."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`is_ready` says that writes maintain it; `twin_index` is a valid one just like it."""

    index: str
    is_ready: bool
    is_unique: bool
    is_partitioned: bool
    is_leftover: bool
    twin_index: str | None
    size_bytes: int


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:  # noqa: ARG001
    """One match per invalid index that no session is building."""
    snapshot = workload.snapshot
    for index in snapshot.indexes:
        if index.is_valid or index.is_being_built:
            continue
        relation = snapshot.relation_by_name.get(index.relation)
        evidence = Evidence(
            index=str(index.name),
            is_ready=index.is_ready,
            is_unique=index.is_unique,
            is_partitioned=relation is not None and relation.kind == "p",
            is_leftover=_LEFTOVER.search(index.name.name) is not None,
            twin_index=_twin(snapshot, index),
            size_bytes=index.size_bytes,
        )
        yield Match(
            subject=Subject(str(index.name), index.relation, index=index.name),
            evidence=evidence,
            confidence=Confidence.PROVEN,
            cures=_cures(index, evidence),
        )


def _twin(snapshot: Snapshot, index: Index) -> str | None:
    """A valid index that is the same and enforces as much."""
    for other in snapshot.indexes_by_relation[index.relation]:
        if (
            other.is_valid
            and is_same(spec_of(other), spec_of(index))
            and (other.is_unique or not index.is_unique)
        ):
            return str(other.name)
    return None


def _cures(index: Index, evidence: Evidence) -> tuple[Change, ...]:
    """Drop what another index does, what REINDEX left, and what is unique and hence has failed.

    To build a unique index again would fail again, as a rule, on the same duplicate keys. A
    partitioned index wants ATTACH, and a person.
    """
    if evidence.is_partitioned or index.parent:
        return ()
    useless = evidence.twin_index or evidence.is_leftover or index.is_unique
    if useless and not index.constraint:
        return (DropIndex(index.name, index.relation, index.definition),)
    return (RebuildIndex(index.name, index.relation),)
