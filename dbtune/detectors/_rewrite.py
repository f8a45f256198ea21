"""Conditions on a wrapped column, rewritten so that the column stands alone."""

from __future__ import annotations

import re
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


def rewrite(qual: Qual, column: Column) -> Rewrite | None:
    """The same condition on the bare column, None where there is none that keeps its rows."""
    if _TIMESTAMPS.match(column.type):
        return _of_time(qual, quote_identifier(column.name), qual.value or "$1")
    return _of_value(qual, column, quote_identifier(column.name), qual.value or "$1")


def _of_time(qual: Qual, name: str, value: str) -> Rewrite | None:
    expression = qual.expression or ""
    if _is_date_of(qual, expression):
        return _day(name, qual.operator, f"{value}::date")
    if qual.function == "date_trunc" and qual.operator == "=":
        return _truncated(name, expression, value)
    if qual.function == "extract" and qual.operator == "=":
        return _year(name, expression, value)
    return None


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


def _day(name: str, operator: str, day: str) -> Rewrite | None:
    conditions = {
        "=": f"{name} >= {day} AND {name} < {day} + 1",
        ">=": f"{name} >= {day}",
        ">": f"{name} >= {day} + 1",
        "<": f"{name} < {day}",
        "<=": f"{name} < {day} + 1",
    }
    return Rewrite(conditions[operator]) if operator in conditions else None


def _truncated(name: str, expression: str, value: str) -> Rewrite | None:
    unit = re.match(r"date_trunc\('(\w+)', [^,]+\)\Z", expression, re.I)
    if not unit or unit[1].lower() not in _UNITS:
        return None
    step = _UNITS[unit[1].lower()]
    condition = f"{name} >= {value} AND {name} < {value} + interval '{step}'"
    return Rewrite(condition, f"the value is the start of a {unit[1].lower()}")


def _year(name: str, expression: str, value: str) -> Rewrite | None:
    if not re.match(r"extract\(year from [^()]+\)\Z", expression, re.I):
        return None
    first, after = f"make_date({value}::int, 1, 1)", f"make_date({value}::int + 1, 1, 1)"
    return Rewrite(f"{name} >= {first} AND {name} < {after}")


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
