"""Root level of a B-tree of the target, where the snapshot does not know it. Pure.

An inner page points to its children by the fewest key columns that tell them apart
(_bt_truncate()). CREATE INDEX fills inner pages to 70 %, and so do splits, except that a root is
split only when it is full. A tree's age is not known: one that is no larger than a fresh one, and
backs no constraint, is taken for that.
"""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.index import spec_of
from dbtune.snapshot.catalog import Index, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.estimate import (
    KeyFigures,
    column_figures,
    distinct_values,
    expression_figures,
    index_size,
)
from dbtune.twin.size import BLOCK_BYTES, btree_fanout
from dbtune.twin.width import tuple_bytes

_GREATEST_FANOUT = btree_fanout(16, 100)
_FRESH = 1.08  # a tree that has lived is larger than a fresh one by more than this
_SPLIT_POINTS = 4  # among which a split takes the one whose tuples differ soonest
_MERGED_ROWS = 200  # in a posting list of an ordinary key
_TID_BYTES = 8


def tree_height(index: Index, snapshot: Snapshot) -> int:
    """What the snapshot says, else an estimate.

    The page it was read from may be older than the index's size: then the root has been split.
    """
    pages = max(index.size_bytes // BLOCK_BYTES - 1, 1)
    known = index.tree_height
    if known is not None and _GREATEST_FANOUT**known >= pages:
        return known
    relation = snapshot.relation_by_name.get(index.relation)
    figures = _key_figures(index, relation)
    rows = max(index.reltuples, relation.reltuples if relation else 0.0, 1.0)
    pivot = pivot_bytes(figures, rows)
    is_fresh = relation is not None and not index.constraint
    if is_fresh and relation:
        fresh = index_size(spec_of(index), relation, figures, rows=rows, deduplicates=True)
        is_fresh = pages <= fresh.pages * _FRESH
    fanout = btree_fanout(pivot)
    return _levels(pages, fanout, fanout if is_fresh else btree_fanout(pivot, 100))


def pivot_bytes(figures: Sequence[KeyFigures], rows: float) -> float:
    """Average size of the tuples on inner pages; one more identifier where all keys are equal."""
    distinct = 1.0
    for key in figures:
        distinct = min(distinct * distinct_values(key.statistics, rows), rows)
    tuples = rows / min(max(rows / distinct, 1.0), _MERGED_ROWS)
    left, size, distinct = 1.0, 0.0, 1.0
    for place, key in enumerate(figures, start=1):
        distinct = min(distinct * distinct_values(key.statistics, rows), tuples)
        equal = (1.0 - distinct / tuples) ** _SPLIT_POINTS
        size += max(left - equal, 0.0) * tuple_bytes([f.width for f in figures[:place]])
        left = min(left, equal)
    return size + left * (tuple_bytes([f.width for f in figures]) + _TID_BYTES)


def _key_figures(index: Index, relation: Relation | None) -> list[KeyFigures]:
    columns = (relation.column(k.column) if relation and k.column else None for k in index.keys)
    return [
        column_figures(column) if column else expression_figures(key.statistics)
        for key, column in zip(index.keys, columns, strict=True)
    ]


def _levels(pages: int, fanout: int, root_fanout: int) -> int:
    """Levels above the leaves."""
    height = 0
    while pages > 1:
        height += 1
        if pages <= root_fanout:
            break
        pages = -(-pages // fanout)
    return height
