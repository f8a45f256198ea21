"""A statement's outline from its tokens alone: which relations, compared with what, how written.

It needs no catalog and no grammar, so it serves where only a log is at hand. It reads simple
statements rightly, which those that loops send are; `parse` is for everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
_RANGE_WORDS = frozenset({"between", "like", "ilike", "similar"})
_VOLATILE = frozenset({"random", "clock_timestamp", "nextval", "gen_random_uuid", "timeofday"})
_EQUALITY = "="
_COMPARISONS = frozenset({"<", ">", "<=", ">="})


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column as a text names it; `relation` is None where several could be meant."""

    relation: str | None
    column: str


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
    found = _Comparisons(words, aliases)
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


def _pair_mark(words: Sequence[Token], at: int, word: str) -> bool:
    return words[at].is_word(word) and at + 1 < len(words) and words[at + 1].is_mark("(")


def _is_name(token: Token) -> bool:
    return token.kind in ("word", "quoted")


def _path(words: Sequence[Token], at: int) -> tuple[tuple[str, ...], int]:
    """The dotted name that begins at a position, and the position after it."""
    parts: list[str] = []
    while at < len(words) and _is_name(words[at]):
        parts.append(words[at].value)
        if at + 2 < len(words) and words[at + 1].is_mark(".") and _is_name(words[at + 2]):
            at += 2
        else:
            return tuple(parts), at + 1
    return tuple(parts), at


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
        if not _is_name(words[at]) or words[at].is_word(*_NOT_ALIASES):
            return
        path, at = _path(words, at)
        if at < len(words) and words[at].is_mark("(") and not words[at - 1].is_word("into"):
            after_into = at >= 2 and _into(words, at)
            if not after_into:
                return  # a function
        alias = path[-1]
        if at < len(words) and words[at].is_word("as"):
            at += 1
        if at < len(words) and _is_name(words[at]) and not words[at].is_word(*_NOT_ALIASES):
            alias = words[at].value
            at += 1
        yield alias, path[-1]
        if not (at < len(words) and words[at].is_mark(",")):
            return
        at += 1


def _into(words: Sequence[Token], at: int) -> bool:
    """True if the name that ends before a position follows INTO: a column list, no arguments."""
    while at > 0 and (_is_name(words[at - 1]) or words[at - 1].is_mark(".")):
        at -= 1
        if words[at].is_word("into"):
            return True
    return False


class _Comparisons:
    """The columns that a statement compares with values, by the kind of comparison."""

    def __init__(self, words: Sequence[Token], aliases: dict[str, str]) -> None:
        self._words = words
        self._aliases = aliases
        self.equal: dict[ColumnName, int | None] = {}
        self.listed: dict[ColumnName, int | None] = {}
        self.ranged: dict[ColumnName, int | None] = {}
        assigning = False
        for at, token in enumerate(words):
            if token.is_word("set"):
                assigning = True
            elif token.is_word("where", "on", "having", "returning"):
                assigning = False
            elif not assigning:
                self._compare(at, token)

    def _compare(self, at: int, token: Token) -> None:
        if self._compare_row(at, token):
            return
        if token.is_mark(_EQUALITY):
            if self._is_value(at + 1):
                self._add(self.equal, self._name_before(at), self._parameter(at + 1))
            elif self._is_value_before(at):
                self._add(self.equal, self._name_after(at + 1), self._parameter_before(at))
            elif at + 1 < len(self._words) and self._words[at + 1].is_word("any", "some"):
                self._add(self.listed, self._name_before(at))
        elif token.is_mark(*_COMPARISONS) or token.is_word(*_RANGE_WORDS):
            self._add(self.ranged, self._name_before(at))
        elif _pair_mark(self._words, at, "in") and self._is_value(at + 2):
            if self._is_only_value(at + 2) and not self._words[at - 1].is_word("not"):
                self._add(self.equal, self._name_before(at), self._parameter(at + 2))
            else:
                self._add(self.listed, self._name_before(at))

    def _compare_row(self, at: int, token: Token) -> bool:
        """Take in `(a, b) = ($1, $2)`, also with IN; False if it is no such comparison."""
        is_in = _pair_mark(self._words, at, "in")
        columns = self._row_before(at) if is_in or token.is_mark(_EQUALITY) else ()
        values, end = self._values_of_row(at + 2 if is_in else at + 1)
        if len(columns) != len(values) or not columns:
            return False
        if is_in and not self._words[end].is_mark(")"):
            for column in columns:
                self._add(self.listed, column)
        else:
            for column, parameter in zip(columns, values, strict=True):
                self._add(self.equal, column, parameter)
        return True

    def _row_before(self, at: int) -> tuple[ColumnName, ...]:
        """The columns in parentheses before a position; none if there are no two."""
        begin = at - 1
        while begin > 0 and not self._words[begin].is_mark("("):
            begin -= 1
        columns: list[ColumnName] = []
        while begin < at - 1 and self._words[begin].is_mark("(", ","):
            path, begin = _path(self._words, begin + 1)
            if not path:
                return ()
            columns.append(_column(path, self._aliases))
        return tuple(columns) if begin == at - 1 and len(columns) > 1 else ()

    def _values_of_row(self, at: int) -> tuple[list[int | None], int]:
        """The numbers of the parameters in parentheses at a position, and the position after."""
        found: list[int | None] = []
        while at + 1 < len(self._words) and self._words[at].is_mark("(", ","):
            if not self._is_value(at + 1):
                break
            found.append(self._parameter(at + 1))
            at += 2
            while at + 1 < len(self._words) and self._words[at].is_mark("::"):
                at += 2
        return found, min(at + 1, len(self._words) - 1)

    def _is_value(self, at: int) -> bool:
        while at < len(self._words) and self._words[at].is_mark("("):
            at += 1
        return at < len(self._words) and self._words[at].kind in ("parameter", "string", "number")

    def _parameter(self, at: int) -> int | None:
        while at < len(self._words) and self._words[at].is_mark("("):
            at += 1
        return int(self._words[at].text[1:]) if self._words[at].kind == "parameter" else None

    def _is_only_value(self, at: int) -> bool:
        """True if the list that holds the value at a position ends after it."""
        at += 1
        while at + 1 < len(self._words) and self._words[at].is_mark("::"):
            at += 2
        return at < len(self._words) and self._words[at].is_mark(")")

    def _is_value_before(self, at: int) -> bool:
        at = self._value_end(at)
        return at >= 0 and self._words[at].kind in ("parameter", "string", "number")

    def _parameter_before(self, at: int) -> int | None:
        return self._parameter(self._value_end(at))

    def _value_end(self, at: int) -> int:
        at -= 1
        if at >= 2 and _is_name(self._words[at]) and self._words[at - 1].is_mark("::"):
            at -= 2
        return at

    def _name_before(self, at: int) -> ColumnName | None:
        at -= 1
        while at > 0 and (self._words[at].is_mark(")") or self._words[at].is_word("not")):
            at -= 1
        start = at
        if at >= 2 and self._words[at - 1].is_mark("::") and _is_name(self._words[at]):
            start = at = at - 2  # a cast column
        while (
            start >= 2 and self._words[start - 1].is_mark(".") and _is_name(self._words[start - 2])
        ):
            start -= 2
        return self._name_after(start) if start >= 0 else None

    def _name_after(self, at: int) -> ColumnName | None:
        path, _ = _path(self._words, at)
        return _column(path, self._aliases) if path else None

    @staticmethod
    def _add(
        into: dict[ColumnName, int | None], name: ColumnName | None, parameter: int | None = None
    ) -> None:
        if name:
            into.setdefault(name, parameter)


def _column(path: tuple[str, ...], aliases: dict[str, str]) -> ColumnName:
    if len(path) > 1:
        return ColumnName(aliases.get(path[-2], path[-2]), path[-1])
    only = set(aliases.values())
    return ColumnName(next(iter(only)) if len(only) == 1 else None, path[-1])


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
        if depth == 0 and _is_name(token):
            path, at = _path(words, at)
            if not (at < len(words) and words[at].is_mark("(")):
                columns.append(_column(path, aliases))
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
