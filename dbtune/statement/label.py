"""A statement in a list: what tells it apart from others of the same tables comes first."""

from __future__ import annotations

from dbtune.statement.tokens import Token, tokens


def without_select_list(text: str, longer_than: int = 30) -> str:
    """The statement with `…` for a select list that has more characters than `longer_than`."""
    depth = 0
    first: Token | None = None
    for token in tokens(text):
        first = first or token
        if not first.is_word("select"):
            break
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word("from"):
            if token.start - first.end > longer_than:
                return f"{text[: first.end]} … {text[token.start :]}"
            break
    return text
