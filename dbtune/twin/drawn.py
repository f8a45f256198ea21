"""SQL that makes rows of a sample: its values, cast to their types, in physical order. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Column, Relation
from dbtune.twin.sample import ColumnSample

_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


def drawn_rows(sampled: Sequence[tuple[Column, ColumnSample]]) -> tuple[str, list[object]]:
    """A query for `place` and the columns of the rows drawn, and its parameters."""
    arrays: list[object] = [list(sample.ranks) for _, sample in sampled]
    ranks = ", ".join(["%s::int[]"] * len(sampled))
    aliases = ", ".join(f"r{i}" for i in range(len(sampled)))
    names = [quote_identifier(column.name) for column, _ in sampled]
    values = ", ".join(f"c{i}.v AS {name}" for i, name in enumerate(names))
    joins = ""
    for place, (column, sample) in enumerate(sampled):
        points = sample.points
        arrays += [[p.low for p in points], [p.high for p in points]]
        arrays.append([p.fraction for p in points])
        order = "v" if _is_ordered(column) else "NULL::int"
        joins += f"""
            LEFT JOIN (SELECT v, row_number() OVER (ORDER BY {order}) AS rank FROM
                (SELECT {_value(column)} AS v
                 FROM unnest(%s::text[], %s::text[], %s::float8[]) AS t (low, high, fraction)
                ) AS made) AS c{place} ON c{place}.rank = r{place}"""
    sql = f"""
        SELECT place, {values}
        FROM unnest({ranks}) WITH ORDINALITY AS rows ({aliases}, place){joins}"""
    return sql, arrays


def computed_rows(
    relation: Relation, expression: str, sampled: Sequence[tuple[Column, ColumnSample]]
) -> tuple[str, list[object]]:
    """A query that computes an expression on a sample of rows, and its parameters."""
    rows, arrays = drawn_rows(sampled)
    names = ", ".join(quote_identifier(column.name) for column, _ in sampled)
    sql = f"""
        SELECT inputs, value::text, pg_column_size(value), row_number() OVER (ORDER BY value),
            place
        FROM (SELECT place, concat_ws(chr(31), {names}) AS inputs, {expression} AS value
            FROM ({rows}) AS {quote_identifier(relation.name.name)} OFFSET 0) AS computed"""
    return sql, arrays


def is_sharp(column: Column) -> bool:
    """Whether values repeat in a sample as in the relation: no bound stands for many."""
    statistics = column.statistics_for()
    return statistics is None or not statistics.histogram_bounds or _has_between(column)


def _has_between(column: Column) -> bool:
    base = column.type.partition("(")[0]
    return base in _NUMBERS or base == "date" or base.startswith("timestamp")


def _is_ordered(column: Column) -> bool:
    """Whether ANALYZE found an order of the column's values."""
    statistics = column.statistics_for()
    return statistics is not None and statistics.correlation is not None


def _value(column: Column) -> str:
    """SQL for one sampled value; between two bounds where the type has an in-between."""
    kind = column.type
    if not _has_between(column):
        return f"low::{kind}"
    if kind.startswith("timestamp"):
        between = f"low::{kind} + (high::{kind} - low::{kind}) * fraction"
    elif kind == "date":
        between = "low::date + ((high::date - low::date) * fraction)::int"
    elif kind == "numeric":  # with no more digits than its neighbours, since each takes room
        between = (
            "round(low::numeric + (high::numeric - low::numeric) * fraction::numeric,"
            " greatest(scale(low::numeric), scale(high::numeric)))"
        )
    else:
        between = f"(low::numeric + (high::numeric - low::numeric) * fraction::numeric)::{kind}"
    return f"CASE WHEN high IS NULL THEN low::{kind} ELSE {between} END"
