"""Names for statements: equal for texts that differ only in literals, spacing and spelling.

Everything here rests on the token scan alone, so any text has a fingerprint, parsed or not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import unquote

from dbtune.identifier import quote_identifier
from dbtune.statement.tokens import Token, telling_tokens, tokens

_TYPES_WITH_LENGTH = frozenset(
    {
        "bit", "bpchar", "char", "character", "decimal", "float", "interval", "nchar",
        "numeric", "time", "timestamp", "timestamptz", "timetz", "varbit", "varchar",
        "varying",
    }
)  # fmt: skip
_ORDINAL_ENDS = frozenset(
    {
        "asc", "desc", "nulls", "limit", "offset", "fetch", "for", "having", "order",
        "window", "union", "except", "intersect", "using",
    }
)  # fmt: skip
_OPERAND_ENDS = frozenset({")", "]"})
_CLAUSES = frozenset(
    {
        "and", "or", "not", "in", "on", "where", "select", "when", "then", "else", "case",
        "having", "between", "like", "ilike", "limit", "offset", "values", "set", "by",
        "returning", "is", "using", "from",
    }
)  # fmt: skip
_TAG = re.compile(r"([\w.%-]+)\s*=\s*'((?:[^'\\]|\\.)*)'")
_MARGINALIA = re.compile(r"([a-zA-Z_]\w*):([^,*]+)")


def fingerprint(text: str) -> str:
    """16 hexadecimal digits, equal for statements that differ only in what varies by call.

    Independent of literals, parameter numbers, list lengths, spacing, comments and the case of
    keywords; `= $1` and `= ANY ($1)` stay apart, and so do one VALUES row and several, and a list
    of one value, which is an equality, from longer ones.
    """
    words = _shorten_lists(_canonical(telling_tokens(text)))
    while words and words[-1] == ";":
        words.pop()
    return hashlib.sha256(" ".join(words).encode(errors="replace")).hexdigest()[:16]


def normalize(text: str) -> str:
    """The text with every literal replaced by `$n`, numbered on from its own parameters."""
    scanned = list(tokens(text))
    numbers = [int(t.text[1:]) for t in scanned if t.kind == "parameter"]
    following = max(numbers, default=0)
    parts: list[str] = []
    position = 0
    for start, stop in _literals(scanned):
        following += 1
        parts += (text[position : scanned[start].start], f"${following}")
        position = scanned[stop - 1].end
    parts.append(text[position:])
    return "".join(parts)


def tags(text: str) -> tuple[tuple[str, str], ...]:
    """The sqlcommenter key/value pairs in the text's comments, percent-decoded, in order.

    The older form `/*application:Shop,controller:orders*/` of Rails is read too. The
    specification: https://google.github.io/sqlcommenter/spec/.
    """
    found: dict[str, str] = {}
    for token in tokens(text, comments=True):
        if token.kind == "comment" and token.text.startswith("/*"):
            body = token.text[2:-2].strip()
            pairs = _TAG.findall(body)
            if not pairs and "'" not in body:
                pairs = [(k, v.strip()) for k, v in _MARGINALIA.findall(body)]
            for key, value in pairs:
                found.setdefault(unquote(key), unquote(re.sub(r"\\(.)", r"\1", value)))
    return tuple(found.items())


def _canonical(scanned: Sequence[Token]) -> list[str]:
    """One word per token, literals and parameters as `?`."""
    words: list[str] = []
    position = 0
    for start, stop in [*_literals(scanned), (len(scanned), len(scanned))]:
        for token in scanned[position:start]:
            words += (",", "?") if token.kind == "comment" else (_word(token),)
        if start < len(scanned):
            words.append("?")
        position = stop
    return words


def _word(token: Token) -> str:
    if token.kind == "parameter":
        return "?"
    if token.kind == "quoted":
        return quote_identifier(token.value)
    if token.text == "!=":
        return "<>"
    return token.value


def _literals(scanned: Sequence[Token]) -> list[tuple[int, int]]:
    """Where literals stand, as half-open ranges of tokens.

    What the server keeps is kept: lengths of types (`varchar(10)`), positions in ORDER BY and
    GROUP BY, `IS TRUE`, `IS NULL`. A minus sign belongs to its number, strings that continue
    after a line break are one.
    """
    kept = _kept_numbers(scanned)
    found: list[tuple[int, int]] = []
    for at, token in enumerate(scanned):
        if token.kind == "string":
            if found and found[-1][1] == at and scanned[at - 1].kind == "string":
                found[-1] = (found[-1][0], at + 1)
            else:
                found.append((at, at + 1))
        elif token.kind == "number" and at not in kept:
            signed = at > 0 and scanned[at - 1].text == "-" and _expects_operand(scanned, at - 1)
            found.append((at - 1 if signed else at, at + 1))
        elif token.is_word("true", "false", "null") and _is_constant(scanned, at):
            found.append((at, at + 1))
    return found


def _expects_operand(scanned: Sequence[Token], at: int) -> bool:
    """True if the sign at a position is unary: nothing before it is an operand."""
    if at == 0:
        return True
    before = scanned[at - 1]
    if before.kind == "word":
        return before.value in _CLAUSES
    return before.kind in ("operator", "punctuation") and before.text not in _OPERAND_ENDS


def _is_constant(scanned: Sequence[Token], at: int) -> bool:
    before = scanned[at - 1] if at else None
    after = scanned[at + 1] if at + 1 < len(scanned) else None
    if before and before.is_word("not") and at > 1:
        before = scanned[at - 2]
    if before and (before.is_word("is") or before.is_mark(".")):
        return False
    return not (after and after.is_word("on"))


def _kept_numbers(scanned: Sequence[Token]) -> frozenset[int]:
    """Positions of numbers that are part of the statement's shape, not values."""
    kept: set[int] = set()
    by_depth: list[int] = []
    depth = 0
    type_depth: int | None = None
    for at, token in enumerate(scanned):
        before = scanned[at - 1] if at else None
        if token.is_mark("(", "["):
            depth += 1
            if before and before.kind == "word" and before.value in _TYPES_WITH_LENGTH:
                type_depth = depth
        elif token.is_mark(")", "]"):
            depth -= 1
            if type_depth is not None and depth < type_depth:
                type_depth = None
            while by_depth and by_depth[-1] > depth:
                by_depth.pop()
        elif token.is_word("by") and before and before.is_word("order", "group"):
            by_depth.append(depth)
        elif token.kind == "word" and token.value in _ORDINAL_ENDS - {"asc", "desc", "nulls"}:
            while by_depth and by_depth[-1] >= depth:
                by_depth.pop()
        elif token.kind == "number" and before:
            ordinal = by_depth and by_depth[-1] == depth and _is_ordinal(scanned, at)
            if type_depth is not None or ordinal:
                kept.add(at)
    return frozenset(kept)


def _is_ordinal(scanned: Sequence[Token], at: int) -> bool:
    """True for the number of `ORDER BY 1` and `, 2 DESC`: alone between its neighbours."""
    before = scanned[at - 1]
    after = scanned[at + 1] if at + 1 < len(scanned) else None
    begins = before.is_word("by") or before.is_mark(",")
    ends = after is None or after.is_mark(",", ")", ";")
    return begins and (ends or (after is not None and after.value in _ORDINAL_ENDS))


def _shorten_lists(words: list[str]) -> list[str]:
    """Lists of alike elements after IN, ARRAY and VALUES as one element.

    VALUES with several rows keeps a mark, because one row at a time is another way of working; so
    does IN with one value or row.
    """
    short: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        opens = at + 1 < len(words) and words[at + 1] in "(["
        if opens and word in ("in", "array"):
            elements, at = _elements(words, at + 1)
            alike = len(elements) > 1 and all(e == elements[0] for e in elements)
            shown = elements[:1] if alike and elements[0] and "?" in elements[0] else elements
            short += (word, "(", *_shorten_lists(_comma_joined(shown)), ")")
            first = [part for part in elements[0] if part != "("][:1]
            if word == "in" and len(elements) == 1 and first == ["?"]:
                short.append("1")
        elif opens and word == "values":
            rows: list[list[str]] = []
            short.append(word)
            while at + 1 < len(words) and words[at + 1] == "(":
                elements, at = _elements(words, at + 1)
                rows.append(["(", *_shorten_lists(_comma_joined(elements)), ")"])
                if not (at + 1 < len(words) and words[at] == "," and words[at + 1] == "("):
                    break
            alike = len(rows) > 1 and all(row == rows[0] for row in rows)
            short += [*rows[0], "+"] if alike else _comma_joined(rows)
        else:
            short.append(word)
            at += 1
    return short


def _comma_joined(elements: Sequence[list[str]]) -> list[str]:
    joined: list[str] = []
    for at, element in enumerate(elements):
        joined += [",", *element] if at else element
    return joined


def _elements(words: Sequence[str], opening: int) -> tuple[list[list[str]], int]:
    """The elements of the list whose bracket opens at a position, and where the list ends."""
    elements: list[list[str]] = [[]]
    depth = 0
    for at in range(opening, len(words)):
        word = words[at]
        depth += (word in ("(", "[")) - (word in (")", "]"))
        if depth == 0:
            return elements, at + 1
        if depth == 1 and word == ",":
            elements.append([])
        elif at > opening:
            elements[-1].append(word)
    return elements, len(words)
