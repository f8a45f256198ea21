"""What a hypothetical index would take: by the twin's estimate, since HypoPG's own ignores that
B-trees store equal keys once.
"""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.distinct import key_figures
from dbtune.twin.estimate import expression_figures, index_size

# Equal values of these may be stored differently (1.0 and 1.00), so a B-tree keeps them all.
_KEPT_APART = frozenset({"numeric", "real", "double precision", "jsonb"})
_KINDS_KEPT_APART = frozenset({"c", "r", "m"})  # composite types, ranges, multiranges


def partitions_with_rows(snapshot: Snapshot, relation: QualifiedName) -> tuple[Relation, ...]:
    """The relation itself, or the partitions at the leaves of its tree."""
    found = snapshot.relation_by_name[relation]
    if found.kind != "p":
        return (found,)
    children = (r for r in snapshot.relations if r.is_partition and relation in r.parents)
    return tuple(leaf for child in children for leaf in partitions_with_rows(snapshot, child.name))


def rows_query(relation: QualifiedName, predicate: str | None) -> str:
    """EXPLAIN of a scan whose estimated rows are those of an index with that predicate."""
    where = f" WHERE {predicate}" if predicate else ""
    return f"EXPLAIN (FORMAT JSON) SELECT FROM ONLY {relation.sql}{where}"


def size_of(
    spec: IndexSpec, parts: Sequence[Relation], rows: Sequence[float], snapshot: Snapshot
) -> int:
    """Bytes of an index on all parts, of which each has so many rows that the predicate lets in."""
    pairs = zip(parts, rows, strict=True)
    return sum(_part_size(spec, part, count, snapshot) for part, count in pairs)


def _part_size(spec: IndexSpec, relation: Relation, rows: float, snapshot: Snapshot) -> int:
    columns = [relation.column(key.column or "") for key in spec.keys]
    keys = [
        key_figures(column, relation, snapshot) if column else expression_figures(None)
        for column in columns
    ]
    merges = not any(c and _is_kept_apart(c) for c in columns)
    merges &= not any("deduplicate_items" in o and "off" in o for o in spec.options)
    return index_size(spec, relation, keys, rows=rows, deduplicates=merges).size_bytes


def _is_kept_apart(column: Column) -> bool:
    return (
        column.type_kind in _KINDS_KEPT_APART
        or column.type.endswith("[]")
        or column.type.partition("(")[0] in _KEPT_APART
    )
