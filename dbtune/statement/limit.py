"""`LIMIT $n`, as normalized texts have it: which parameter it is, and the text with a number."""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.statement.tokens import Token, tokens

NO_LIMIT = 2**62
"""As a limit this many rows are no limit, to the planner as to the executor."""


def with_limit(text: str, rows: int) -> str | None:
    """The text with so many rows in place of its outermost `LIMIT $n` or `FETCH FIRST $n ROWS`.

    None if the text has none, or has the number in words.
    """
    scanned = list(tokens(text))
    place = _parameter(scanned)
    if place is None:
        return None
    return f"{text[: place.start]}{rows}{text[place.end :]}"


def _parameter(scanned: Sequence[Token]) -> Token | None:
    depth = 0
    found = None
    for at, token in enumerate(scanned[:-1]):
        depth += token.is_mark("(", "[") - token.is_mark(")", "]")
        following = scanned[at + 1]
        if depth == 0 and following.kind == "parameter" and _announces(scanned, at):
            found = following
    return found


def _announces(scanned: Sequence[Token], at: int) -> bool:
    if scanned[at].is_word("first", "next"):
        return at > 0 and scanned[at - 1].is_word("fetch")
    return scanned[at].is_word("limit")
