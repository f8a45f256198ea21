"""Conditions on a wrapped column, rewritten so that the column stands alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Column
from dbtune.statement.model import Qual


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A condition with the same rows; `provided` says under which condition, empty if always."""

    condition: str
    provided: str = ""


_TIMESTAMPS = re.compile(r"timestamp(\(\d\))?( with(out)? time zone)?\Z")
_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_CAST_BACK = frozenset({*_INTEGERS, "uuid", "numeric", "date"})
_UNITS = {
    "second": "1 second", "minute": "1 minute", "hour": "1 hour", "day": "1 day",
    "week": "1 week", "month": "1 month", "quarter": "3 months", "year": "1 year",
}  # fmt: skip

_IMMUTABLE = frozenset(
    {
        "lower", "upper", "initcap", "btrim", "ltrim", "rtrim", "trim", "md5", "length",
        "char_length", "substr", "substring", "left", "right", "replace", "reverse", "abs",
        "coalesce", "+", "-", "*", "/", "%",
    }
)  # fmt: skip
_PLAIN_TYPES = re.compile(
    r"(text|citext|character( varying)?(\(\d+\))?|smallint|integer|bigint|numeric(\(.*\))?)\Z"
)


def is_immutable(qual: Qual, column: Column) -> bool:
    """True if the expression may surely be indexed: a known function of text or of a number."""
    return qual.function in _IMMUTABLE and _PLAIN_TYPES.match(column.type) is not None


def rewrite(quals: Sequence[Qual], column: Column) -> Rewrite | None:
    """The same conditions on the bare column, None where one cannot be said so.

    Parameters are numbered from $1 in the order of the conditions.
    """
    single = []
    for number, qual in enumerate(quals, start=1):
        how = _of_time if _TIMESTAMPS.match(column.type) else _of_value
        found = how(qual, column, quote_identifier(column.name), qual.value or f"${number}")
        if found is None:
            return None
        single.append(found)
    provided = dict.fromkeys(r.provided for r in single if r.provided)
    return Rewrite(" AND ".join(r.condition for r in single), " and ".join(provided))


def _of_time(qual: Qual, _column: Column, name: str, value: str) -> Rewrite | None:
    expression = qual.expression or ""
    if _is_date_of(qual, expression):
        day = f"{value}::date"
        return _between(name, qual.operator, day, f"{day} + 1")
    if qual.function == "date_trunc":
        return _truncated(name, qual.operator, expression, value)
    if qual.function == "extract" and re.match(r"extract\(year from [^()]+\)\Z", expression, re.I):
        first, after = f"make_date({value}::int, 1, 1)", f"make_date({value}::int + 1, 1, 1)"
        return _between(name, qual.operator, first, after, "the value is a whole number")
    return None


def _between(
    name: str, operator: str, first: str, after: str, provided: str = ""
) -> Rewrite | None:
    """A comparison of the span [first, after) that a value stands for, said of its ends."""
    conditions = {
        "=": f"{name} >= {first} AND {name} < {after}",
        ">=": f"{name} >= {first}",
        ">": f"{name} >= {after}",
        "<": f"{name} < {first}",
        "<=": f"{name} < {after}",
    }
    return Rewrite(conditions[operator], provided) if operator in conditions else None


def _of_value(qual: Qual, column: Column, name: str, value: str) -> Rewrite | None:
    expression = qual.expression or ""
    if qual.function == "cast" and re.search(r" AS (TEXT|VARCHAR)\)\Z", expression, re.I):
        back = column.type in _CAST_BACK and qual.operator == "="
        return Rewrite(f"{name} = {value}::{column.type}", "the value is one") if back else None
    if qual.function == "coalesce" and qual.operator == "=":
        return _coalesced(name, expression, value)
    if qual.function in {"+", "-"} and column.type in _INTEGERS:
        return _moved(name, expression, qual, value)
    return None


def _is_date_of(qual: Qual, expression: str) -> bool:
    return qual.function == "date" or (
        qual.function == "cast" and re.search(r" AS DATE\)\Z", expression, re.I) is not None
    )


def _truncated(name: str, operator: str, expression: str, value: str) -> Rewrite | None:
    unit = re.match(r"date_trunc\('(\w+)', [^,]+\)\Z", expression, re.I)
    if not unit or unit[1].lower() not in _UNITS:
        return None
    word = unit[1].lower()
    first = value if value.startswith("$") else f"{value}::timestamp"
    after = f"{first} + interval '{_UNITS[word]}'"
    return _between(name, operator, first, after, f"the value is the start of a {word}")


def _coalesced(name: str, expression: str, value: str) -> Rewrite | None:
    other = re.match(r"coalesce\([^,()]+, ([^,()]+)\)\Z", expression, re.I)
    if not other:
        return None
    return Rewrite(f"({name} = {value} OR {name} IS NULL AND {other[1]} = {value})")


def _moved(name: str, expression: str, qual: Qual, value: str) -> Rewrite | None:
    term = re.match(rf"{re.escape(name)} [+-] (\d+)\Z", expression)
    if not term or qual.operator not in {"=", "<", "<=", ">", ">="}:
        return None
    back = "-" if qual.function == "+" else "+"
    return Rewrite(f"{name} {qual.operator} {value} {back} {term[1]}")
