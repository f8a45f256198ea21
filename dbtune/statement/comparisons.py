"""The columns that a statement compares with values, told by its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dbtune.statement.names import ColumnName, column_named, is_name, path_at
from dbtune.statement.tokens import Token

_RANGE_WORDS = frozenset({"between", "like", "ilike", "similar"})
_EQUALITY = "="
_COMPARISONS = frozenset({"<", ">", "<=", ">="})


class Comparisons:
    """Columns by the kind of comparison, each with the number of its parameter if it has one."""

    def __init__(self, words: Sequence[Token], aliases: Mapping[str, str]) -> None:
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
        if not columns:
            return False
        values, end = self._values_of_row(at + 2 if is_in else at + 1)
        if len(columns) != len(values):
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
        if begin < 0 or not self._words[begin].is_mark(")"):
            return ()
        while begin > 0 and not self._words[begin].is_mark("("):
            begin -= 1
        columns: list[ColumnName] = []
        while begin < at - 1 and self._words[begin].is_mark("(", ","):
            path, begin = path_at(self._words, begin + 1)
            if not path:
                return ()
            columns.append(column_named(path, self._aliases))
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
        if at >= 2 and is_name(self._words[at]) and self._words[at - 1].is_mark("::"):
            at -= 2
        return at

    def _name_before(self, at: int) -> ColumnName | None:
        at -= 1
        while at > 0 and (self._words[at].is_mark(")") or self._words[at].is_word("not")):
            at -= 1
        start = at
        if at >= 2 and self._words[at - 1].is_mark("::") and is_name(self._words[at]):
            start = at = at - 2  # a cast column
        while (
            start >= 2 and self._words[start - 1].is_mark(".") and is_name(self._words[start - 2])
        ):
            start -= 2
        return self._name_after(start) if start >= 0 else None

    def _name_after(self, at: int) -> ColumnName | None:
        path, _ = path_at(self._words, at)
        return column_named(path, self._aliases) if path else None

    @staticmethod
    def _add(
        into: dict[ColumnName, int | None], name: ColumnName | None, parameter: int | None = None
    ) -> None:
        if name:
            into.setdefault(name, parameter)


def _pair_mark(words: Sequence[Token], at: int, word: str) -> bool:
    return words[at].is_word(word) and at + 1 < len(words) and words[at + 1].is_mark("(")
