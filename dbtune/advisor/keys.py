"""Which columns, in which order, would serve one demand: equality first, then range or order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dbtune.advisor.demand import Demand, is_equality
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import IndexKey
from dbtune.statement.model import Qual, SortKey

Keys = tuple[IndexKey, ...]

MAX_KEYS = 5
_MAX_EQUALITIES = 4
_NOT_ORDERED = ("json", "jsonb", "xml", "tsvector", "tsquery", "point", "box", "polygon", "line")


def key_lists(demand: Demand) -> tuple[Keys, ...]:
    """Key lists for a B-tree, each at most once, in a fixed order."""
    return tuple(dict.fromkeys(k for k in map(_tidy, _raw_lists(demand)) if k))


def _raw_lists(demand: Demand) -> Iterator[Keys]:
    equalities = equality_keys(demand)
    ranges = range_keys(demand)
    order = sort_keys(demand)
    for base in _bases(demand, equalities):
        yield base
        for position, first in enumerate(ranges):
            yield (*base, first)
            yield (*base, first, *ranges[:position], *ranges[position + 1 :])
        if order:
            yield (*base, *order)
            yield (*base, *order, *ranges)
        for grouped in (demand.use.group_keys, demand.use.distinct_keys):
            yield (*base, *(IndexKey(c) for c in grouped))
        for column in demand.use.extreme_keys:  # the ends of an index
            yield (*base, IndexKey(column))
        yield (*base, *window_keys(demand))
    if order and equalities:
        yield (*order, *equalities)
    for key in (*equalities[:2], *ranges):
        yield (key,)
    yield from _alternatives(demand, equalities)


def _alternatives(demand: Demand, equalities: Keys) -> Iterator[Keys]:
    """What each member of an OR asks for, alone and with what holds for all."""
    branches: dict[int | None, list[Qual]] = {}
    for qual in demand.alternatives():
        branches.setdefault(qual.branch, []).append(qual)
    for quals in branches.values():
        fixed = tuple(key_of(q) for q in quals if is_equality(q))
        ranges = tuple(key_of(q) for q in quals if q.kind == "range")
        for key in (*fixed, *ranges):
            yield (key,)
        yield (*fixed, *ranges)
        if equalities and (fixed or ranges):
            yield (*fixed, *equalities, *ranges)


def _bases(demand: Demand, equalities: Keys) -> Iterator[Keys]:
    """What can be fixed to one value: constants, and the columns of each join."""
    joins = [tuple(IndexKey(c) for c in columns) for columns in demand.joins]
    joins += [found] if (found := tuple(key_of(q) for q in demand.lookups())) else []
    for join in joins:
        yield (*join, *equalities)
        if equalities:
            yield join
            yield (*equalities, *join)
    yield equalities
    if len(equalities) > 1:
        by_selectivity = sorted(equalities, key=lambda k: -_distinct(demand, k))
        yield (by_selectivity[0],)
    yield ()


def equality_keys(demand: Demand) -> Keys:
    """Columns and expressions compared for equality, the most shared and selective first.

    A condition that surely lets in a third of the rows or more earns no place beside better ones.
    """
    quals = [q for q in demand.quals() if is_equality(q)]
    selective = [q for q in quals if demand.may_rule_out_most(q)]
    found = dict.fromkeys(key_of(q) for q in selective or quals)
    ordered = sorted(found, key=lambda key: _rank(demand, key))
    if len(ordered) > _MAX_EQUALITIES:
        best = sorted(ordered, key=lambda key: -_distinct(demand, key))[:_MAX_EQUALITIES]
        ordered = [key for key in ordered if key in best]
    return tuple(ordered)


def begins_loosely(demand: Demand, spec: IndexSpec) -> bool:
    """True for a B-tree that begins with a range or an order where the statement fixes a column.

    It reads what the fixed column would have ruled out. How much that is rests on the width of the
    range or on how soon a limit is reached, and the planner can only guess at both: such an index
    is good by chance, the one that begins with the fixed column always.
    """
    if spec.relation != demand.relation.name or spec.access_method != "btree" or spec.predicate:
        return False
    quals = [q for q in demand.quals() if is_equality(q)]
    fixed = {key_of(q) for q in quals if demand.may_rule_out_most(q)}
    joined = {column for columns in demand.joins for column in columns}
    first = spec.keys[0]
    plain = replace(first, descending=False, nulls_first=False, opclass=None)
    loose = {*range_keys(demand), *sort_keys(demand)}
    return bool(fixed) and first in loose and plain not in fixed and first.column not in joined


def range_keys(demand: Demand) -> Keys:
    """Columns and expressions compared with < <= > >= BETWEEN, or with a subnet."""
    return tuple(dict.fromkeys(key_of(q) for q in demand.quals() if _is_range(demand, q)))


def _is_range(demand: Demand, qual: Qual) -> bool:
    """True for a condition that the planner reads as a range: a subnet is one of addresses."""
    column = demand.relation.column(qual.column)
    subnet = qual.operator in {"<<", "<<="} and column and column.type in {"inet", "cidr"}
    return qual.kind == "range" or bool(subnet)


def sort_keys(demand: Demand) -> Keys:
    """ORDER BY as index keys."""
    return _in_order(demand, demand.use.sort_keys)


def window_keys(demand: Demand) -> Keys:
    """The partition and order of a window as index keys."""
    return _in_order(demand, demand.use.window_keys)


def _in_order(demand: Demand, sorts: Sequence[SortKey]) -> Keys:
    """An order as index keys, in the direction that begins ascending: B-trees read both ways.

    Columns that an equality fixes to one value do not count.
    """
    fixed = {key_of(q) for q in demand.quals() if is_equality(q) and q.kind != "in"}
    keys = [key for sort in sorts if (key := _sort_key(sort)) is not None]
    keys = [key for key in keys if replace(key, descending=False, nulls_first=False) not in fixed]
    if keys and keys[0].descending:
        keys = [
            replace(k, descending=not k.descending, nulls_first=not k.nulls_first) for k in keys
        ]
    return tuple(keys)


def _sort_key(sort: SortKey) -> IndexKey | None:
    if sort.near or (sort.column is None and sort.expression is None):
        return None
    column = None if sort.expression else sort.column
    return IndexKey(
        column, sort.expression, descending=sort.descending, nulls_first=sort.nulls_first
    )


def key_of(qual: Qual) -> IndexKey:
    """The key that answers a condition: its column, or the expression around it."""
    return IndexKey(None, qual.expression) if qual.expression else IndexKey(qual.column)


def _tidy(keys: Iterable[IndexKey]) -> Keys:
    """Each column once, where it comes first; at most MAX_KEYS."""
    once: dict[str | None, IndexKey] = {}
    for key in keys:
        once.setdefault(key.column or key.expression, key)
    return tuple(once.values())[:MAX_KEYS]


def is_ordered(demand: Demand, keys: Keys) -> bool:
    """False if a key's type is known to have no useful B-tree order."""
    for key in keys:
        column = demand.relation.column(key.column) if key.column else None
        if key.column and column is None:
            return False
        if column and (column.type in _NOT_ORDERED or column.type.endswith("[]")):
            return False
    return True


def _distinct(demand: Demand, key: IndexKey) -> float:
    return demand.n_distinct(key.column) if key.column else demand.rows


def _rank(demand: Demand, key: IndexKey) -> tuple[float, float, int]:
    return demand.equality_rank(key.column) if key.column else (0.0, -demand.rows, 0)
