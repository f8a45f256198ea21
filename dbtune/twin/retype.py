"""Ask for a plan, and again with types for parameters that were numbers. Pure but for the asking.

A constant that became `$n` has lost its type: `$1 - $2` has no operator, a list of values is one
of texts, and so is what a CASE of constants gives. What the server says of it tells the type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from dbtune.statement.tokens import Token, tokens

Answer = TypeVar("Answer")

_UNTOLD = frozenset({"unknown", "text", "text[]"})
_BEFORE_OUTPUT = ("select", "distinct", "all", "then", "else", "by")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said instead of planning; `position` counts characters from 0 (-1: none)."""

    words: str
    position: int = -1


def asked(text: str, ask: Callable[[str], Answer | Refusal], attempts: int) -> Answer | Refusal:
    """The answer to the text, with types where it wants them; else the first refusal.

    At most `attempts` questions are asked, depth first: a type is a step on the way if with it the
    server's trouble is another one, or lies elsewhere.
    """
    first = ask(text)
    if not isinstance(first, Refusal):
        return first
    seen = {text}
    waiting = [(text, first, _retypings(text, first))]
    while waiting and len(seen) < attempts:
        refused, refusal, candidates = waiting[-1]
        candidate = next(candidates, None)
        if candidate is None:
            waiting.pop()
        if candidate is None or candidate in seen:
            continue
        seen.add(candidate)
        answer = ask(candidate)
        if not isinstance(answer, Refusal):
            return answer
        if _trouble(candidate, answer) != _trouble(refused, refusal):
            waiting.append((candidate, answer, _retypings(candidate, answer)))
    return first


def _trouble(text: str, refusal: Refusal) -> tuple[str, int]:
    """What the words are about, and how many parameters stand before it."""
    return re.sub(r"\(.*\)", "", refusal.words), text[: refusal.position].count("$")


def _retypings(text: str, refusal: Refusal) -> Iterator[str]:
    """Texts that may be free of the trouble, the likeliest first."""
    words, position = refusal.words, refusal.position
    if position < 0:
        return
    found = list(tokens(text))
    here = next((n for n, t in enumerate(found) if t.start >= position), len(found))
    if "string constants are supported" in words:  # a path of JSON_TABLE
        if found[here : here + 1] and found[here].kind == "parameter":
            yield text[: found[here].start] + "'$'" + text[found[here].end :]
        return
    if words.startswith("operator is not unique"):
        beside = [t.text for t in (*found[max(here - 1, 0) : here], *found[here + 1 : here + 2])]
        yield from _cast(text, found, beside, "integer" if "date " in words else "numeric")
    if span := _span(words):
        taken = [b.text for a, b in pairwise(found) if a.is_mark("-") and b.kind == "parameter"]
        after = {t.text for t in found[here:]}
        for number in sorted(dict.fromkeys(taken), key=lambda n: n not in after):
            yield from _cast(text, found, [number], span)
    kinds = _kinds(words)
    output = [found[n].text for n in range(len(found)) if _is_output(found, n)]
    if words.startswith("function"):
        inside = {t.text for t in found[here : _closing(found, here)]}
        for kind in kinds:
            yield from _cast(text, found, [n for n in output if n in inside], kind)
    after = {t.text for t in found[here:]}
    for number in sorted(dict.fromkeys(output), key=lambda n: n not in after):
        for kind in kinds[:1]:
            yield from _cast(text, found, [number], kind)


def _span(words: str) -> str | None:
    """The type of `$1` in `current_date - $1`, if the words tell that it was taken for a date."""
    if re.match(r"operator does not exist: (date \S+ integer|integer \S+ date)$", words):
        return "integer"
    if re.match(
        r"operator does not exist: (timestamp\b[^>=<]* \S+ interval|interval \S+ timestamp\b.*)$",
        words,
    ):
        return "interval"
    return None


def _kinds(words: str) -> Sequence[str]:
    """Types that parameters may want, from what the server says about them."""
    told = re.search(r"is of type (.+) but expression is of type text", words)
    if told:
        return [told[1]]
    told = re.match(r"(?:\w+ )?types (.+) and (.+) cannot be matched", words)
    told = told or re.match(r"operator does not exist: (.+?) \S+ (?:ANY |ALL )?(\S.*)", words)
    if told:
        return [*(kind for kind in told.groups() if kind not in _UNTOLD), "integer"][:1]
    if re.match(r"function \S+\((.*unknown.*)\) is not unique", words):
        return ["integer", "numeric"]
    if re.match(r"function \S+\((.*\b(text|unknown)\b.*)\) does not exist", words):
        return ["numeric", "double precision", "integer"]
    return []


def _is_output(found: Sequence[Token], place: int) -> bool:
    """Whether the token is a parameter that no operator beside it gives a type."""
    if found[place].kind != "parameter" or place == 0:
        return False
    before, after = found[place - 1], (*found[place + 1 :], found[place])[0]
    is_value = before.is_word(*_BEFORE_OUTPUT) or before.is_mark("(", ",", "[")
    return is_value and after.kind != "operator" and not after.is_mark("::")


def _cast(text: str, found: Sequence[Token], numbers: Sequence[str], kind: str) -> Iterator[str]:
    """The text with these parameters cast, wherever they stand bare; none if they do not."""
    pieces, end = [], 0
    for token in found:
        is_bare = token.kind == "parameter" and not text[token.end :].startswith("::")
        if token.text in numbers and is_bare:
            pieces += [text[end : token.end], f"::{kind}"]
            end = token.end
    if pieces:
        yield "".join((*pieces, text[end:]))


def _closing(found: Sequence[Token], start: int) -> int:
    """The token that closes the first parenthesis from `start` on."""
    depth = 0
    for place in range(start, len(found)):
        depth += found[place].is_mark("(") - found[place].is_mark(")")
        if depth == 0 and found[place].is_mark(")"):
            return place
    return len(found)
