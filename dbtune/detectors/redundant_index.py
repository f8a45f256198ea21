"""Indexes whose keys begin those of a longer index of the same relation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.detectors._overlap import drop, overlaps
from dbtune.finding import Confidence, Match, Subject
from dbtune.index import key_sql
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot
from dbtune.workload import Workload


@dataclass(frozen=True, slots=True)
class Params:
    """A longer index many times as large serves the short one's scans, but at a price."""

    max_size_ratio: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The index that can go, and the longer one that does its work."""

    index: str
    kept: str
    keys: tuple[str, ...]
    kept_keys: tuple[str, ...]
    size_bytes: int
    kept_size_bytes: int
    scans: int


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per index that a longer one, not unreasonably larger, begins with."""
    snapshot = workload.snapshot
    for overlap in overlaps(snapshot):
        index, kept = overlap.index, overlap.kept
        size_bytes, kept_size_bytes = _size(snapshot, index), _size(snapshot, kept)
        if overlap.same or kept_size_bytes > params.max_size_ratio * max(size_bytes, 1):
            continue
        yield Match(
            subject=Subject(str(index.name), index.relation, index=index.name),
            evidence=Evidence(
                index=str(index.name),
                kept=str(kept.name),
                keys=_keys(index),
                kept_keys=_keys(kept),
                size_bytes=size_bytes,
                kept_size_bytes=kept_size_bytes,
                scans=_scans(snapshot, index),
            ),
            confidence=Confidence.PROVEN,
            cures=(drop(overlap),),
        )


def _keys(index: Index) -> tuple[str, ...]:
    return tuple(key_sql(key, index.access_method) for key in index.keys)


def _size(snapshot: Snapshot, index: Index) -> int:
    return sum(part.size_bytes for part in snapshot.index_leaves(index))


def _scans(snapshot: Snapshot, index: Index) -> int:
    return sum(p.activity.idx_scan for p in snapshot.index_leaves(index) if p.activity)
