"""What a SELECT's own text says of it: whether it aggregates, and what its outputs are called."""

from __future__ import annotations

from sqlglot import exp

from dbtune.statement.expression import unwrapped
from dbtune.statement.prepare import DISTINCT_MARK, FUNCTION_MARK
from dbtune.statement.scope import columns_in, name_of

AGGREGATES = frozenset(
    """
    count sum avg min max array_agg string_agg json_agg jsonb_agg json_object_agg
    jsonb_object_agg bool_and bool_or every bit_and bit_or bit_xor stddev stddev_pop
    stddev_samp variance var_pop var_samp corr xmlagg range_agg any_value
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
SET_RETURNING = frozenset(
    """
    unnest generate_series generate_subscripts jsonb_array_elements
    jsonb_array_elements_text json_array_elements json_array_elements_text jsonb_each
    jsonb_each_text json_each jsonb_object_keys json_object_keys regexp_split_to_table
    regexp_matches string_to_table jsonb_path_query random gen_random_uuid nextval
    clock_timestamp
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)

DISTANCES = frozenset({"<->", "<<->", "<->>", "<<<->", "<->>>"})


def is_grouped(node: exp.Select) -> bool:
    """True if the SELECT aggregates."""
    if node.args.get("group") or node.args.get("having"):
        return True
    return any(calls(item, AGGREGATES, over_window=False) for item in node.expressions)


def calls(node: exp.Expr, functions: frozenset[str], *, over_window: bool = True) -> bool:
    """True if the expression, subqueries apart, calls one of these functions."""
    for found in node.dfs(prune=lambda n: isinstance(n, exp.Query)):
        if isinstance(found, exp.Anonymous) and name_of(found.this) in functions:
            holder = found.parent
            while isinstance(holder, (exp.Filter, exp.WithinGroup, exp.Dot)):
                holder = holder.parent
            if over_window or not isinstance(holder, exp.Window):
                return True
    return False


def in_order(item: exp.Expr) -> list[exp.Expr]:
    """What min(), max() and aggregates over DISTINCT take: an index has it in order."""
    found = []
    for node in item.dfs(prune=lambda n: isinstance(n, (exp.Query, exp.Window))):
        if isinstance(node, exp.Anonymous) and len(node.expressions) == 1:
            is_distinct = node.name.startswith(FUNCTION_MARK + DISTINCT_MARK)
            if is_distinct or name_of(node.this) in {"min", "max"}:
                found.append(node.expressions[0])
    return found


def group_expressions(node: exp.Select, *, grouped: bool) -> list[exp.Expr]:
    """The elements of GROUP BY; with `grouped`, those inside grouping sets too."""
    group = node.args.get("group")
    if not group:
        return []
    found = list(group.expressions)
    if grouped:
        for part in ("grouping_sets", "rollup", "cube"):
            for item in group.args.get(part) or ():
                if isinstance(item, exp.Expr):
                    found += columns_in(item)
    return found


def output_name(item: exp.Expr) -> str:
    """The name that PostgreSQL gives to an element of a select list."""
    if isinstance(item, exp.Alias):
        return name_of(item.args["alias"])
    if isinstance(item, exp.Cast):
        inner = output_name(unwrapped(item.this))
        return inner if inner != "?column?" else item.to.sql(dialect="postgres").lower()
    if isinstance(item, (exp.Column, exp.Anonymous)):
        return name_of(item.this)
    if isinstance(item, exp.Dot):
        return output_name(item.expression)
    if isinstance(item, (exp.Filter, exp.Window)):
        return output_name(item.this)
    known = {"identifier": item.name, "case": "case", "coalesce": "coalesce"}
    return known.get(item.key, "?column?")
