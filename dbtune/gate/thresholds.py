"""From when on the gate speaks up. Every number has its reason; a policy may change each."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.snapshot.catalog import Relation

_ROWS_PER_PAGE = 50.0
"""Assumed of a relation that was never analysed."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Costs are the planner's units: about one page read from disk each.

    `min_ratio`: a plan is worse when it costs this many times as much. Half again, because a wider
    index or a longer row moves costs by some ten per cent.
    `min_cost_increase`: and when it costs so much more: a few thousand rows scanned in memory are
    nobody's trouble.
    `min_gain`: what an index must save a new statement for its lack to be a fault. A statement
    that an index serves already can often be served a little better; that stops nobody.
    `large_relation_rows`, `large_relation_bytes`: from when on a scan or a lock held during a scan
    is felt: tens of milliseconds.
    `mass_write_rows`: from when on one statement's writes hold locks for seconds and bloat.
    `min_index_scans`: scans that make a dropped index one that somebody needs.
    """

    min_ratio: float = 1.5
    min_cost_increase: float = 150.0
    min_gain: float = 1000.0
    large_relation_rows: int = 25_000
    large_relation_bytes: int = 64 * 1024 * 1024
    mass_write_rows: int = 50_000
    min_index_scans: int = 50

    def is_large(self, relation: Relation) -> bool:
        """True if reading the whole relation is felt."""
        return (
            rows_of(relation) >= self.large_relation_rows
            or relation.size_bytes >= self.large_relation_bytes
        )


def rows_of(relation: Relation) -> float:
    """Rows as the planner counts them; estimated from the size if never analysed."""
    if relation.reltuples >= 0:
        return relation.reltuples
    return relation.size_bytes / 8192 * _ROWS_PER_PAGE
