"""Statement texts as pg_stat_statements leaves them, made plannable again.

It replaces every constant by `$n`, also where the grammar wants a literal: `interval $1`,
`extract($1 from x)`. Strings, comments and quoted names are left alone.
"""

from __future__ import annotations

import re

from dbtune.statement.tokens import tokens

_OPAQUE = frozenset({"comment", "string", "quoted", "broken"})

_LITERAL_TYPES = (
    "interval|date|timestamptz|timestamp(?:\\s+with(?:out)?\\s+time\\s+zone)?|timetz"
    "|time(?:\\s+with(?:out)?\\s+time\\s+zone)?|numeric|decimal|int4|int8|int2|integer|bigint"
    "|smallint|float4|float8|real|double\\s+precision|text|uuid|jsonb|json|inet|cidr|macaddr"
    "|money|bytea|bool|boolean|xml|regclass|regproc|regtype|oid|point|box|circle|polygon|path|lseg"
    "|line|int4range|int8range|numrange|tsrange|tstzrange|daterange|tsvector|tsquery|varchar|char"
    "|bpchar|name|citext|hstore|ltree|bit"
)
_TYPED_LITERAL = re.compile(
    rf"\b(?P<type>(?:{_LITERAL_TYPES})(?:\s*\(\s*\d+(?:\s*,\s*\d+)?\s*\))?)\s+(?P<parameter>\$\d+)"
    r"(?P<fields>\s+(?:year|month|day|hour|minute|second)(?:\s+to\s+(?:month|hour|minute|second))?\b)?",
    re.IGNORECASE,
)
_EXTRACT = re.compile(r"\bextract\s*\(\s*\$\d+\s+from\b", re.IGNORECASE)
_SQUASHED = re.compile(r"(?P<parameter>\$\d+)\s*/\*, \.\.\. \*/")
_ASSUMED_LIST_LENGTH = 10  # what the planner assumes of an array that it cannot see


def plannable(text: str) -> str:
    """The text with literals that became parameters written so that the server can parse them.

    `interval $1` becomes `$1::interval`. `extract($1 from x)` gets a field, since the field decides
    no cost. A list squashed to `$1 /*, ... */` gets ten elements, the planner's own assumption.
    """
    text = _SQUASHED.sub(lambda m: ", ".join([m["parameter"]] * _ASSUMED_LIST_LENGTH), text)
    pieces, end = [], 0
    for token in tokens(text, comments=True):
        if token.kind in _OPAQUE:
            pieces += [_cured(text[end : token.start]), token.text]
            end = token.end
    pieces.append(_cured(text[end:]))
    return "".join(pieces)


def retyped(text: str, message: str, position: int) -> str | None:
    """The text with a type for parameters that were numbers, or None if that is not the trouble.

    A constant that became `$n` has lost its type: `$1 - $2` has no operator, and of
    `sum(CASE … THEN $1 ELSE $2 END)` the server takes a text.

    Args:
        text: what the server refused.
        message: its words.
        position: of the character that they are about, from 0.
    """
    if position < 0:
        return None
    head, tail = text[:position], text[position:]
    if message.startswith("operator is not unique: unknown"):
        left = re.sub(r"(\$\d+)(\s*)\Z", r"\1::numeric\2", head)
        right = re.sub(r"\A(\W\s*)(\$\d+)(?!\d|::)", r"\1\2::numeric", tail)
        return left + right if (left, right) != (head, tail) else None
    if re.match(r"function \w+\((text|unknown)\) does not exist", message):
        end = _closing(tail)
        inner = re.sub(
            r"\b(then|else)(\s+)(\$\d+)(?!\d|::)",
            r"\1\2\3::numeric",
            tail[:end],
            flags=re.IGNORECASE,
        )
        return head + inner + tail[end:] if inner != tail[:end] else None
    return None


def _closing(call: str) -> int:
    """Where the first parenthesis of a call is closed."""
    depth = 0
    for place, character in enumerate(call):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and character == ")":
            return place
    return len(call)


def is_several(text: str) -> bool:
    """True if another statement follows a semicolon."""
    ended = False
    for token in tokens(text):
        if token.is_mark(";"):
            ended = True
        elif ended:
            return True
    return False


def _cured(code: str) -> str:
    code = _EXTRACT.sub("extract('epoch' from", code)
    return _TYPED_LITERAL.sub(lambda m: f"{m['parameter']}::{m['type']}{m['fields'] or ''}", code)
