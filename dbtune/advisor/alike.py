"""Which candidates serve a statement no worse than others, as the planner sees it.

Two B-trees whose keys the statement asks for in the same way are read alike: the smaller one costs
no more, if it holds all that the statement reads wherever the larger one does. A partial one that
the statement may use is such a smaller one, and the more so the less it lets in; the larger one may
then have the columns of its predicate among the keys, or some that nothing asks for. So what was
learnt about the one tells of the other, without asking.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import IndexKey
from dbtune.statement.model import RelationUse, Statement

Names = frozenset[str]

_FIXING = frozenset({"equal", "in", "is_null", "boolean"})


@dataclass(frozen=True)
class Seen:
    """An index as a statement sees it, but for its size.

    `keys` end with the last one that the statement compares or orders by; `asked` are those that it
    does, and `free` those of them that it does not only compare with constants. `covers` tells for
    each use of the relation whether the index holds what is read there; `may_cover` lets the
    predicate answer for its columns. An index of several keys counts as less correlated.
    """

    keys: tuple[IndexKey, ...]
    asked: tuple[IndexKey, ...]
    free: tuple[IndexKey, ...]
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
    looks: dict[QualifiedName, _Asked] = {}
    groups: dict[object, dict[Seen, list[tuple[int, str]]]] = {}
    for name, (spec, size_bytes) in candidates.items():
        if spec.access_method == "btree":
            seen = _seen(statement, spec, looks)
            alike = groups.setdefault((spec.relation, seen.free), {})
            alike.setdefault(seen, []).append((size_bytes, name))
    return {
        name: better for group in groups.values() for name, better in _better_in(group) if better
    }


def beaten(statement: Statement, specs: Iterable[IndexSpec]) -> frozenset[IndexSpec]:
    """Candidates to which the statement has a better one that holds less, so is surely smaller."""
    looks: dict[QualifiedName, _Asked] = {}
    groups: dict[object, list[tuple[IndexSpec, Seen]]] = {}
    for spec in specs:
        if spec.access_method == "btree":
            seen = _seen(statement, spec, looks)
            groups.setdefault((spec.relation, seen.free), []).append((spec, seen))
    found: set[IndexSpec] = set()
    for group in groups.values():
        for spec, seen in group:
            better = (o for o, its in group if _is_better(its, seen) and _holds_less(o, spec))
            if any(other not in found for other in better):
                found.add(spec)
    return frozenset(found)


def _holds_less(one: IndexSpec, other: IndexSpec) -> bool:
    """True if the one has no more columns and rows, and merges equal keys if the other does."""
    columns = set(one.columns) <= set(other.columns) and bool(one.included) <= bool(other.included)
    rows = set(_conditions(one.predicate)) >= set(_conditions(other.predicate))
    return one != other and columns and rows


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
    has_the_rows = one.conditions == other.conditions
    is_alike = has_the_rows and one.keys in (other.keys, other.asked)
    if not is_alike and not _lets_in_less(one, other):
        return False
    covers = all(c or not m for c, m in zip(one.covers, other.may_cover, strict=True))
    return covers and one.has_several_keys <= other.has_several_keys


def _lets_in_less(one: Seen, other: Seen) -> bool:
    """True if the one's predicate says more, and its keys are the others that the other has.

    A key's own condition, once the predicate implies it, bounds the scan no more, nor do the keys
    behind: such a key must stand last. And of several uses of the relation only some may imply a
    condition.
    """
    more = one.conditions - other.conditions
    if len(one.covers) > 1 or not one.conditions > other.conditions:
        return False
    own = tuple(key for key in one.keys if not _is_on(key, more))
    left = [
        tuple(key for key in keys if key in other.free or not _is_on(key, more))
        for keys in (other.keys, other.asked)
    ]
    return one.keys[: len(own)] == own and own in left


def _is_on(key: IndexKey, conditions: Iterable[str]) -> bool:
    """True if one of the conditions, as candidates have them, is on the key's column."""
    name = quote_identifier(key.column or "")
    return any(c in {name, f"NOT {name}"} or c.startswith(f"{name} ") for c in conditions)


def _seen(statement: Statement, spec: IndexSpec, looks: dict[QualifiedName, _Asked]) -> Seen:
    if spec.relation not in looks:
        looks[spec.relation] = _asked(statement, spec.relation)
    asked = looks[spec.relation]
    uses = statement.uses_of(spec.relation)
    wanted = (n for n, k in enumerate(spec.keys, 1) if k.column is None or k.column in asked.all)
    keys = spec.keys[: max(wanted, default=1)]
    compared = tuple(k for k in keys if k.column is None or k.column in asked.all)
    held = set(spec.columns)
    return Seen(
        keys,
        compared,
        tuple(key for key in compared if key.column is None or key.column not in asked.fixed),
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """Columns that a statement compares, joins, groups or orders by.

    `fixed` are those of them that it only compares with constants.
    """

    all: frozenset[str | None]
    fixed: frozenset[str | None]


def _asked(statement: Statement, relation: QualifiedName) -> _Asked:
    fixed: set[str | None] = set()
    others: set[str | None] = set()
    for position, use in enumerate(statement.relations):
        if use.relation == relation:
            for qual in use.quals:
                is_fixed = qual.kind in _FIXING and not qual.row and not qual.in_or
                (fixed if is_fixed else others).update((qual.column, *qual.row))
            others.update(key.column for key in (*use.sort_keys, *use.window_keys))
            others.update((*use.group_keys, *use.distinct_keys, *use.extreme_keys))
            others.update(_joined(statement, position))
    return _Asked(frozenset(fixed | others), frozenset(fixed - others))


def _joined(statement: Statement, position: int) -> Iterable[str]:
    for clause in statement.join_clauses:
        if clause.left == position:
            yield clause.left_column
        if clause.right == position:
            yield clause.right_column
