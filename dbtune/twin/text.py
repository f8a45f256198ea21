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
_PLANLESS = (
    "abort", "alter", "analyse", "analyze", "begin", "call", "checkpoint", "close", "cluster",
    "comment", "commit", "copy", "deallocate", "discard", "do", "drop", "end", "execute", "explain",
    "fetch", "grant", "import", "listen", "load", "lock", "move", "notify", "prepare", "reassign",
    "refresh", "reindex", "release", "reset", "revoke", "rollback", "savepoint", "security", "set",
    "show", "start", "truncate", "unlisten", "vacuum",
)  # fmt: skip
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


def planless(text: str) -> str | None:
    """The first word of a statement that no server makes a plan for (`VACUUM`), else None."""
    first = next((t for t in tokens(text) if not t.is_mark("(")), None)
    return first.text.upper() if first and first.is_word(*_PLANLESS) else None


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
