"""A statement's outline from its tokens alone: which relations, compared with what, how written.

It needs no catalog and no grammar, so it serves where only a log is at hand. It reads simple
statements rightly, which those that loops send are; `parse` is for everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbtune.statement.comparisons import Comparisons
from dbtune.statement.names import ColumnName, column_named, is_name, path_at
from dbtune.statement.tokens import Token, telling_tokens

_NOT_ALIASES = frozenset(
    {
        "where", "join", "inner", "left", "right", "full", "cross", "natural", "on", "using",
        "group", "order", "limit", "offset", "for", "set", "values", "returning", "union",
        "except", "intersect", "having", "window", "fetch", "default", "select", "tablesample",
        "with", "when", "overriding", "lateral",
    }
)  # fmt: skip
_AGGREGATES = frozenset({"count", "sum", "avg", "min", "max", "exists", "bool_or", "bool_and"})
_VOLATILE = frozenset({"random", "clock_timestamp", "nextval", "gen_random_uuid", "timeofday"})


@dataclass(frozen=True, slots=True)
class Outline:
    """What a statement does, as far as its tokens tell.

    `relations` are names without schema, in order, the target of DML first. `equal` are columns
    compared with one value, by `=` or in a list of one; `given` are the numbers of those values
    where they are parameters, one for each of `equal`. `listed` are columns compared with a list
    (IN, ANY), `ranged` with bounds or patterns.
    `values_rows` is 1 for `VALUES (…)`, 2 for several rows, 0 without. `aggregates` is True when
    the first output is an aggregate or EXISTS, so that one row comes back.
    """

    verb: str
    relations: tuple[str, ...] = ()
    equal: tuple[ColumnName, ...] = ()
    given: tuple[int | None, ...] = ()
    listed: tuple[ColumnName, ...] = ()
    ranged: tuple[ColumnName, ...] = ()
    projected: tuple[ColumnName, ...] = ()
    all_columns: bool = False
    values_rows: int = 0
    on_conflict: bool = False
    has_limit: bool = False
    has_offset: bool = False
    locks: bool = False
    aggregates: bool = False
    volatile: bool = False
    groups: bool = False
    joins: bool = False

    @property
    def turns_pages(self) -> bool:
        """True if it can return another page of the same rows each time."""
        return self.has_offset or (bool(self.ranged) and self.has_limit)


def outline(text: str) -> Outline:
    """The outline of one statement; of a text that is none, an outline with its first word."""
    words = telling_tokens(text)
    if not words:
        return Outline("")
    verb = _verb(words)
    aliases = dict(_relations(words))
    names = tuple(dict.fromkeys(aliases.values()))
    found = Comparisons(words, aliases)
    projected, all_columns, aggregates = _outputs(words, aliases)
    marks = {token.value for token in words if token.kind == "word"}
    return Outline(
        verb=verb,
        relations=names,
        equal=tuple(found.equal),
        given=tuple(found.equal.values()),
        listed=tuple(found.listed),
        ranged=tuple(found.ranged),
        projected=projected,
        all_columns=all_columns,
        values_rows=_values_rows(words),
        on_conflict="conflict" in marks,
        has_limit="limit" in marks or "fetch" in marks,
        has_offset="offset" in marks,
        locks=any(
            _pair(words, at, "for", "update", "share", "no", "key") for at in range(len(words))
        ),
        aggregates=aggregates,
        volatile=not marks.isdisjoint(_VOLATILE),
        groups="group" in marks,
        joins="join" in marks,
    )


def _verb(words: Sequence[Token]) -> str:
    first = next((t.value for t in words if t.kind == "word"), "")
    if first != "with":
        return first
    depth = 0
    for token in words:
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word("select", "insert", "update", "delete", "merge"):
            return token.value
    return first


def _pair(words: Sequence[Token], at: int, first: str, *second: str) -> bool:
    return words[at].is_word(first) and at + 1 < len(words) and words[at + 1].is_word(*second)


def _relations(words: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """Pairs of alias and relation name, in order."""
    for at, token in enumerate(words):
        if not token.is_word("from", "join", "into", "update", "using"):
            continue
        before = words[at - 1] if at else None
        if before and token.is_word("from") and before.is_word("distinct"):
            continue
        if before and token.is_word("update") and before.is_word("for", "do", "key", "on"):
            continue
        yield from _named_relations(words, at + 1)


def _named_relations(words: Sequence[Token], at: int) -> Iterator[tuple[str, str]]:
    """The relations of a comma list that begins at a position."""
    while at < len(words):
        if words[at].is_word("only", "lateral"):
            at += 1
            continue
        if not is_name(words[at]) or words[at].is_word(*_NOT_ALIASES):
            return
        path, at = path_at(words, at)
        if at < len(words) and words[at].is_mark("(") and not words[at - 1].is_word("into"):
            after_into = at >= 2 and _into(words, at)
            if not after_into:
                return  # a function
        alias = path[-1]
        if at < len(words) and words[at].is_word("as"):
            at += 1
        if at < len(words) and is_name(words[at]) and not words[at].is_word(*_NOT_ALIASES):
            alias = words[at].value
            at += 1
        yield alias, path[-1]
        if not (at < len(words) and words[at].is_mark(",")):
            return
        at += 1


def _into(words: Sequence[Token], at: int) -> bool:
    """True if the name that ends before a position follows INTO: a column list, no arguments."""
    while at > 0 and (is_name(words[at - 1]) or words[at - 1].is_mark(".")):
        at -= 1
        if words[at].is_word("into"):
            return True
    return False


def _outputs(
    words: Sequence[Token], aliases: dict[str, str]
) -> tuple[tuple[ColumnName, ...], bool, bool]:
    """Plain columns of the first select list, whether it holds `*`, whether it aggregates."""
    begin = next((at for at, t in enumerate(words) if t.is_word("select")), None)
    if begin is None:
        return (), False, False
    columns: list[ColumnName] = []
    all_columns = False
    depth = 0
    at = begin + 1
    first = words[at] if at < len(words) else words[begin]
    while at < len(words) and not (depth == 0 and words[at].is_word("from")):
        token = words[at]
        depth += token.is_mark("(") - token.is_mark(")")
        if token.is_mark("*") and depth == 0:
            all_columns = True
        if depth == 0 and is_name(token):
            path, at = path_at(words, at)
            if not (at < len(words) and words[at].is_mark("(")):
                columns.append(column_named(path, aliases))
            continue
        at += 1
    return tuple(dict.fromkeys(columns)), all_columns, first.is_word(*_AGGREGATES)


def _values_rows(words: Sequence[Token]) -> int:
    """How many rows VALUES has: none, one, or (told as two) several."""
    begin = next((at for at, t in enumerate(words) if t.is_word("values")), None)
    if begin is None:
        return 0
    depth = 0
    for at in range(begin + 1, len(words)):
        depth += words[at].is_mark("(") - words[at].is_mark(")")
        if depth == 0:
            return 2 if at + 1 < len(words) and words[at + 1].is_mark(",") else 1
    return 1
