"""Normalized texts that no server accepts, spelled so that it does.

pg_stat_statements puts `$n` where constants stood, also where the grammar knows constants only
(`interval $1`, `extract($1 FROM …)`), where the constant's type was what told operators apart
(`current_date - $1`), and not where the same constant stands once more (`GROUP BY
date_trunc('day', …)`). Since 18 it writes a list as `IN ($1 /*, ... */)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
from psycopg import Connection, RawCursor

from dbtune.statement.tokens import Token, tokens

LIST_LENGTH = 5
"""Elements of a list of which only the first is known."""

MAX_PARAMETERS = 30
TYPES = ("integer", "text", "numeric", "timestamptz", "text[]", "integer[]")
"""What an untyped parameter is tried as, the likeliest first."""

FIELD = "day"
"""The field of a date, timestamp or interval that `extract($1 FROM …)` is run with."""

_TYPED = re.compile(
    r"\b((?:timestamp|time)(?:\s*\(\d+\))?\s+with(?:out)?\s+time\s+zone|double\s+precision|date"
    r"|timetz|timestamptz|(?:timestamp|time|interval)(?:\s*\(\d+\))?|numeric|decimal|real|float[48]?"
    r"|int[248]?|integer|bigint|smallint|bool(?:ean)?|text|varchar|uuid|jsonb?|inet|cidr|bytea)"
    r"\s+(\$\d+)",
    re.IGNORECASE,
)
_EXTRACT = re.compile(r"\bextract\s*\(\s*\$\d+\s+from\b", re.IGNORECASE)
_SPAN = re.compile(r"\bfrom\s+(\$\d+)\s+for\s+(\$\d+)", re.IGNORECASE)
"""Of substring and overlay: without types the server would take it for a pattern."""
_LIST = re.compile(r"(\$\d+) /\*, \.\.\. \*/")
_PARAMETER = re.compile(r"\$(\d+)")
_CONSTANT = r"('(?:[^']|'')*'|\d[\d.]*)"


def runnable(connection: Connection[Any], text: str) -> str:
    """The text, or one that means the same and that the server can prepare.

    Raises:
        psycopg.Error: no such spelling is known; the server's words on the text as it came.
    """
    text = _SPAN.sub(r"from \1::integer for \2::integer", with_lists(text))
    refusal = _refusal(connection, text)
    if refusal is None:
        return text
    respelled = renumbered(with_repeated(with_literals_typed(text)))
    later = _refusal(connection, respelled)
    found = respelled if later is None else _with_types(connection, respelled, later)
    if found is None:
        raise refusal
    return found


def with_lists(text: str) -> str:
    """Lists of several elements again where only the first was kept."""
    numbers = count(max(map(int, _PARAMETER.findall(text)), default=0) + 1)

    def whole(found: re.Match[str]) -> str:
        return ", ".join([found[1], *(f"${next(numbers)}" for _ in range(1, LIST_LENGTH))])

    return _LIST.sub(whole, text)


def with_literals_typed(text: str) -> str:
    """`interval $1` as `$1::interval`, and a field for `extract`."""
    return _EXTRACT.sub(f"extract({FIELD} from", _TYPED.sub(r"\2::\1", text))


def with_repeated(text: str) -> str:
    """Calls whose constant can be read from the same call elsewhere, with that constant."""
    for call in _calls(text):
        pieces = _PARAMETER.split(call)[::2]
        same = re.search(_CONSTANT.join(map(re.escape, pieces)), text)
        if same:
            text = text.replace(call, same[0])
    return text


def renumbered(text: str) -> str:
    """The same parameters in the same order without gaps."""
    numbers = sorted({int(n) for n in _PARAMETER.findall(text)})
    places = {number: place for place, number in enumerate(numbers, start=1)}
    return _PARAMETER.sub(lambda found: f"${places[int(found[1])]}", text)


def _calls(text: str) -> Iterator[str]:
    """The innermost calls that hold a parameter."""
    opened: list[int] = []
    before: Token | None = None
    for token in tokens(text):
        if token.is_mark("("):
            opened.append(before.start if before and before.kind == "word" else -1)
        elif token.is_mark(")") and opened:
            start = opened.pop()
            call = text[start : token.end]
            if start >= 0 and _PARAMETER.search(call):
                yield call
        before = token


def _with_types(connection: Connection[Any], text: str, refusal: psycopg.Error) -> str | None:
    """The text with casts at some of its parameters; None if none was found that helps."""
    numbers = _PARAMETER.findall(text)
    if len(numbers) > MAX_PARAMETERS:
        return None
    for _ in numbers:
        found = _with_one_type(connection, text, refusal)
        if found is None:
            return None
        text, later = found
        if later is None:
            return text
        refusal = later
    return None


def _with_one_type(
    connection: Connection[Any], text: str, refusal: psycopg.Error
) -> tuple[str, psycopg.Error | None] | None:
    """One cast with which the server accepts the text, or at least more of it than before."""
    unknown = re.search(r"data type of parameter \$(\d+)", str(refusal))
    best: tuple[str, psycopg.Error | None] | None = None
    for number in [unknown[1]] if unknown else _PARAMETER.findall(text):
        for name in ("text",) if unknown else TYPES:
            tried = re.sub(rf"\${number}\b(?!::)", f"${number}::{name}", text)
            later = _refusal(connection, tried) if tried != text else refusal
            if later is None:
                return tried, None
            is_step = unknown is not None or _unread(tried, later) < _unread(text, refusal)
            if best is None and tried != text and is_step:
                best = tried, later
    return best


def _unread(text: str, refusal: psycopg.Error) -> int:
    """How much of the text stands behind the place that the server objects to."""
    place = refusal.diag.statement_position
    return len(text) - (int(place) - len(_PREPARE) if place else 0)


_PREPARE = "PREPARE dbtune_statement AS "


def _refusal(connection: Connection[Any], text: str) -> psycopg.Error | None:
    cursor = RawCursor(connection)
    try:
        cursor.execute(f"{_PREPARE}{text}".encode())
    except psycopg.Error as error:
        if connection.closed:
            raise
        return error
    cursor.execute("DEALLOCATE dbtune_statement")
    return None
