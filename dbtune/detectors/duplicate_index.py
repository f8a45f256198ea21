"""Indexes that serve exactly the scans of another index of the same relation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.detectors._overlap import drop, overlaps
from dbtune.finding import Confidence, Match, Subject
from dbtune.index import key_sql
from dbtune.workload import Workload


@dataclass(frozen=True, slots=True)
class Params:
    """None: two same indexes are one too many at any size."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The index that can go. `constraint` is the one that it backs, if it does."""

    index: str
    kept: str
    kept_is_primary: bool
    kept_is_unique: bool
    keys: tuple[str, ...]
    constraint: str | None
    size_bytes: int
    scans: int


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:  # noqa: ARG001
    """One match per index that is the same as one that stays."""
    snapshot = workload.snapshot
    for overlap in overlaps(snapshot):
        if not overlap.same:
            continue
        index, kept = overlap.index, overlap.kept
        parts = list(snapshot.index_leaves(index))
        yield Match(
            subject=Subject(str(index.name), index.relation, index=index.name),
            evidence=Evidence(
                index=str(index.name),
                kept=str(kept.name),
                kept_is_primary=kept.is_primary,
                kept_is_unique=kept.is_unique,
                keys=tuple(key_sql(key, index.access_method) for key in index.keys),
                constraint=index.constraint,
                size_bytes=sum(part.size_bytes for part in parts),
                scans=sum(part.activity.idx_scan for part in parts if part.activity),
            ),
            confidence=Confidence.PROVEN,
            cures=() if index.constraint else (drop(overlap),),
        )
