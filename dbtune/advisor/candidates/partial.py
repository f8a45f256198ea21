"""Partial B-trees, covering ones too: only the rows that a constant condition lets in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from dbtune.advisor.candidates.covering import longest, rest_of
from dbtune.advisor.demand import Demand
from dbtune.advisor.frequency import fraction_of, is_negated
from dbtune.advisor.keys import Keys, is_ordered, key_lists
from dbtune.advisor.served import is_served
from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec, column_key
from dbtune.snapshot.catalog import IndexKey
from dbtune.statement.model import Qual

KIND = "btree"

_MAX_FRACTION = 0.5
_MAX_FIXED = 3
_MAX_VALUES = 4
"""A longer list is one statement's own, and to prove that it is implied costs the planner much."""
_STRICT = frozenset({"equal", "in", "range"})
_ONE_VALUE = frozenset({"equal", "is_null", "boolean"})


def propose(demand: Demand) -> Iterator[IndexSpec]:
    yield from _without_nulls(demand)
    rare = [q for q in demand.quals() if q.expression is None and _is_rare(demand, q)]
    choices = [[qual] for qual in rare]
    if len(rare) > 1:
        choices.append(rare)
    for chosen in choices:
        predicate = _all_of(chosen)
        rest = tuple(q for q in demand.use.quals if q not in chosen)
        others = replace(demand, use=replace(demand.use, quals=rest))
        lists = [
            keys
            for keys in key_lists(others) or _any_keys(demand, chosen)
            if is_ordered(demand, keys) and not _is_contained(demand, chosen, keys)
        ]
        for keys in lists:
            yield IndexSpec(demand.relation.name, keys, predicate=predicate)
        for keys in longest(lists):
            read = rest_of(demand, keys)
            # The predicate answers for its columns, unless they are read otherwise too.
            unasked = tuple(c for c in read if c not in {q.column for q in chosen})
            for included in dict.fromkeys((unasked, read)):
                if included:
                    yield IndexSpec(demand.relation.name, keys, included, predicate)


def _without_nulls(demand: Demand) -> Iterator[IndexSpec]:
    """Whatever is compared is not null: where most rows are, an index of the others is small."""
    compared = (q for q in demand.quals() if q.kind in _STRICT and q.expression is None)
    for name in dict.fromkeys(q.column for q in compared):
        column = demand.relation.column(name)
        statistics = demand.statistics(column) if column else None
        if statistics is None or statistics.null_frac < 1.0 - _MAX_FRACTION:
            continue
        present = Qual(name, "is_not_null", "IS NOT NULL", "constant", "NULL")
        for keys in key_lists(demand):
            if keys[0].column == name and is_ordered(demand, keys):
                yield IndexSpec(demand.relation.name, keys, predicate=_all_of([present]))
                if included := rest_of(demand, keys):
                    yield IndexSpec(demand.relation.name, keys, included, _all_of([present]))


def _all_of(quals: list[Qual]) -> str:
    return " AND ".join(sorted(f"({_condition(q)})" for q in quals))


def _any_keys(demand: Demand, chosen: list[Qual]) -> tuple[Keys, ...]:
    """Keys where only the predicate is asked for: the smallest, or in the order of the rows."""
    primary = [c for c in demand.snapshot.constraints_by_relation.get(demand.relation.name, ())
               if c.kind == "p"]  # fmt: skip
    of_rows = [(IndexKey(c.columns[0]),) for c in primary if len(c.columns) == 1]
    return ((IndexKey(chosen[0].column),), *of_rows)


def _is_contained(demand: Demand, chosen: list[Qual], keys: Keys) -> bool:
    """True if an existing index has the rows of the predicate together, in the order of the keys.

    So it is where the predicate fixes the columns that it begins with.
    """
    if len(chosen) > _MAX_FIXED or any(q.kind not in _ONE_VALUE for q in chosen):
        return False
    whole = (
        tuple(dict.fromkeys((*(column_key(q.column, descending=down) for q in order), *keys)))
        for order in permutations(chosen)
        for down in (False, True)  # it is read either way
    )
    return any(is_served(IndexSpec(demand.relation.name, k), demand.snapshot) for k in whole)


def _condition(qual: Qual) -> str:
    """The condition as SQL, in words from which the planner can prove that it is implied."""
    column = quote_identifier(qual.column)
    if qual.kind == "is_null":
        return f"{column} IS NULL"
    if qual.kind == "is_not_null":
        return f"{column} IS NOT NULL"
    if qual.kind == "boolean":
        return f"NOT {column}" if is_negated(qual) else column
    if qual.kind == "in":
        return f"{column} IN ({qual.value})"
    return f"{column} {qual.operator} {qual.value}"


def _is_rare(demand: Demand, qual: Qual) -> bool:
    if qual.kind == "in" and (qual.value or "").count(",") >= _MAX_VALUES:
        return False
    column = demand.relation.column(qual.column)
    statistics = demand.statistics(column) if column else None
    fraction = fraction_of(statistics, qual) if statistics else None
    return fraction is not None and fraction <= _MAX_FRACTION
