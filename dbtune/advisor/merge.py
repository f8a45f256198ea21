"""Merged candidates: one index in the place of several that begin alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations

from dbtune.index import IndexSpec

MAX_COLUMNS = 14


def merged(specs: Iterable[IndexSpec]) -> tuple[IndexSpec, ...]:
    """Covering indexes that serve two of the given ones, or all that share their first key."""
    groups: dict[object, list[IndexSpec]] = {}
    for spec in specs:
        if spec.access_method == "btree":
            head = (spec.relation, spec.predicate, spec.keys[0])
            groups.setdefault(head, []).append(spec)
    found: dict[IndexSpec, None] = {}
    for group in groups.values():
        found.update(dict.fromkeys(_merge_group(group)))
        for spec in group:
            found.pop(spec, None)
    return tuple(found)


def _merge_group(group: list[IndexSpec]) -> Iterator[IndexSpec]:
    for first, second in permutations(group, 2):
        yield from _union(first, [second])
    if len(group) > 2:
        for first in group:
            yield from _union(first, [s for s in group if s != first])


def _union(first: IndexSpec, others: list[IndexSpec]) -> Iterator[IndexSpec]:
    """`first`, with what the others hold included; nothing where an expression prevents it."""
    if any(key.expression for other in others for key in other.keys):
        return
    columns = {c for spec in (first, *others) for c in spec.columns} - set(first.key_columns)
    if len(columns) + len(first.keys) <= MAX_COLUMNS:
        yield IndexSpec(first.relation, first.keys, tuple(sorted(columns)), first.predicate)


def may_replace(wide: IndexSpec, narrow: IndexSpec) -> bool:
    """True if the wide index could serve where the narrow one does: it begins alike, holds all."""
    return (
        wide.relation == narrow.relation
        and wide.predicate == narrow.predicate
        and wide.access_method == narrow.access_method == "btree"
        and wide.keys[:1] == narrow.keys[:1]
        and set(narrow.columns) <= set(wide.columns)
    )
