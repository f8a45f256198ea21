"""Which candidates serve a statement no worse than others, as the planner sees it.

Two B-trees whose keys the statement asks for in the same way are read alike: the smaller one costs
no more, if it holds all that the statement reads wherever the larger one does. A partial one that
the statement may use is such a smaller one, and the more so the less it lets in. So what was
learnt about the one tells of the other, without asking.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import IndexKey
from dbtune.statement.model import RelationUse, Statement

Names = frozenset[str]


@dataclass(frozen=True)
class Seen:
    """An index as a statement sees it, but for its size.

    `keys` end with the last one that the statement compares or orders by. `covers` tells for each
    use of the relation whether the index holds what is read there; `may_cover` lets the predicate
    answer for its columns. The planner takes an index of several keys for less correlated.
    """

    keys: tuple[IndexKey, ...]
    conditions: frozenset[str]
    covers: tuple[bool, ...]
    may_cover: tuple[bool, ...]
    has_several_keys: bool


def better_ones(
    statement: Statement, candidates: Mapping[str, tuple[IndexSpec, int]]
) -> dict[str, Names]:
    """For each candidate, the others that serve the statement no worse and are no larger.

    Args:
        statement: what is asked.
        candidates: spec and size in bytes by name.
    """
    asked: dict[QualifiedName, set[str | None]] = {}
    groups: dict[object, dict[Seen, list[tuple[int, str]]]] = {}
    for name, (spec, size_bytes) in candidates.items():
        if spec.access_method == "btree":
            if spec.relation not in asked:
                asked[spec.relation] = _asked(statement, spec.relation)
            seen = _seen(statement, spec, asked[spec.relation])
            alike = groups.setdefault((spec.relation, seen.keys), {})
            alike.setdefault(seen, []).append((size_bytes, name))
    return {
        name: better for group in groups.values() for name, better in _better_in(group) if better
    }


def _better_in(group: Mapping[Seen, list[tuple[int, str]]]) -> Iterator[tuple[str, Names]]:
    """Candidates of one group, which are many and few as the statement sees them."""
    for seen, members in group.items():
        better = [of for one, of in group.items() if _is_better(one, seen)]
        by_size = sorted(member for of in better for member in of)
        sizes = [size for size, _ in by_size]
        for size, name in members:
            smaller = by_size[: bisect_right(sizes, size)]
            yield name, frozenset(other for _, other in smaller) - {name}


def _is_better(one: Seen, other: Seen) -> bool:
    """True if the one is of no more keys, and covers wherever the other might."""
    if one.conditions != other.conditions and not _lets_in_less(one, other):
        return False
    covers = all(c or not m for c, m in zip(one.covers, other.may_cover, strict=True))
    return covers and one.has_several_keys <= other.has_several_keys


def _lets_in_less(one: Seen, other: Seen) -> bool:
    """True if the one's predicate says more, of other columns than the keys.

    A key's own condition, once the predicate implies it, bounds the scan no more. And of several
    uses of the relation only some may imply a condition.
    """
    more = one.conditions - other.conditions
    on_keys = any(k.column is None or k.column in c for k in one.keys for c in more)
    return one.conditions > other.conditions and not on_keys and len(one.covers) == 1


def _seen(statement: Statement, spec: IndexSpec, asked: set[str | None]) -> Seen:
    uses = statement.uses_of(spec.relation)
    wanted = (n for n, k in enumerate(spec.keys, 1) if k.column is None or k.column in asked)
    held = set(spec.columns)
    return Seen(
        spec.keys[: max(wanted, default=1)],
        frozenset(_conditions(spec.predicate)),
        tuple(_holds(held, use) for use in uses),
        tuple(_holds(held, use, spec.predicate) for use in uses),
        len(spec.keys) > 1,
    )


def _conditions(predicate: str | None) -> list[str]:
    """What stands between AND, as candidates have it: each condition in parentheses."""
    return predicate.removeprefix("(").removesuffix(")").split(") AND (") if predicate else []


def _holds(held: set[str], use: RelationUse, predicate: str | None = None) -> bool:
    if use.all_columns:
        return False
    return all(c in held or (predicate is not None and c in predicate) for c in use.projected)


def _asked(statement: Statement, relation: QualifiedName) -> set[str | None]:
    """Columns of the relation that the statement compares, joins, groups or orders by."""
    asked: set[str | None] = set()
    for position, use in enumerate(statement.relations):
        if use.relation == relation:
            asked.update(c for q in use.quals for c in (q.column, *q.row))
            asked.update(key.column for key in use.sort_keys)
            asked.update((*use.group_keys, *use.distinct_keys))
            asked.update(_joined(statement, position))
    return asked


def _joined(statement: Statement, position: int) -> Iterable[str]:
    for clause in statement.join_clauses:
        if clause.left == position:
            yield clause.left_column
        if clause.right == position:
            yield clause.right_column
