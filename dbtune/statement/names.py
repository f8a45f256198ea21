"""Names in a statement's tokens, as the text writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dbtune.statement.tokens import Token


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column as a text names it; `relation` is None where several could be meant."""

    relation: str | None
    column: str


def is_name(token: Token) -> bool:
    """True for a word, keyword or not, and for a quoted name."""
    return token.kind in ("word", "quoted")


def path_at(words: Sequence[Token], at: int) -> tuple[tuple[str, ...], int]:
    """The dotted name that begins at a position, and the position after it."""
    parts: list[str] = []
    while at < len(words) and is_name(words[at]):
        parts.append(words[at].value)
        if at + 2 < len(words) and words[at + 1].is_mark(".") and is_name(words[at + 2]):
            at += 2
        else:
            return tuple(parts), at + 1
    return tuple(parts), at


def column_named(path: tuple[str, ...], aliases: Mapping[str, str]) -> ColumnName:
    """The column that a dotted name means, its relation by the alias or the only one there is."""
    if len(path) > 1:
        return ColumnName(aliases.get(path[-2], path[-2]), path[-1])
    only = set(aliases.values())
    return ColumnName(next(iter(only)) if len(only) == 1 else None, path[-1])
