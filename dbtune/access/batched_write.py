"""One statement that writes what a loop of one-row writes does: arrays, unnested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dbtune.access.cure import relation_named
from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.statement.tokens import Token, tokens


def batched_write(text: str, target: str, snapshot: Snapshot) -> str | None:
    """The one-row write `text` for many rows at once; None where it cannot be written.

    Each parameter that is written to a column, or compared with one, becomes an array of the
    column's type; what else has a parameter keeps one value for all rows.

    Args:
        text: INSERT … VALUES, UPDATE or DELETE, with `$n` parameters.
        target: the relation written to, as the text names it without schema.
        snapshot: knows the columns' types.
    """
    name = relation_named(snapshot, target)
    words = list(tokens(text.rstrip().rstrip(";")))
    if name is None or not words:
        return None
    rewriting = _Rewriting(text, words, snapshot.relation_by_name[name])
    verb = words[0].value if words[0].kind == "word" else ""
    if verb == "insert":
        return rewriting.insert()
    return rewriting.keyed("FROM" if verb == "update" else "USING") if verb in _KEYED else None


_KEYED = ("update", "delete")


@dataclass
class _Rewriting:
    """A text under rewriting: which parameters became columns of the rows given."""

    text: str
    words: Sequence[Token]
    relation: Relation
    given: dict[str, str] = field(default_factory=dict)
    scalars: list[str] = field(default_factory=list)
    _columns: dict[str, str] = field(default_factory=dict)

    def insert(self) -> str | None:
        """INSERT … SELECT … FROM unnest(…)."""
        values = self._first("values")
        if values is None or self._first("select") is not None:
            return None
        close = self._closing(values + 1)
        names = self._names_before(values)
        items = self._split(values + 2, close)
        if close is None or len(names) != len(items):
            return None
        kept, selected = [], []
        for name, (begin, end) in zip(names, items, strict=True):
            if end - begin == 1 and self.words[begin].is_word("default"):
                continue
            selected.append(self._with(begin, end, name))
            kept.append(quote_identifier(name))
        if None in selected:
            return None
        into = self._first("into") or 0
        table = self.text[self.words[into + 1].start : self._before_columns(into + 1)].strip()
        tail = self._tail(close + 1, names)
        rows = self._rows()
        if rows is None:
            return None
        written = (
            f"INSERT INTO {table} ({', '.join(kept)})"
            f" SELECT {', '.join(filter(None, selected))} FROM {rows}"
        )
        return self._final(f"{written} {tail}".strip())

    def keyed(self, word: str) -> str | None:
        """UPDATE … FROM unnest(…) or DELETE … USING unnest(…), joined by the key compared."""
        where = self._first("where")
        if where is None or self._first("from" if word == "FROM" else "using") is not None:
            return None
        parts = [self._replaced(0, where)]
        condition = self._replaced(where, len(self.words))
        rows = self._rows()
        if rows is None or None in parts or condition is None:
            return None
        return self._final(f"{parts[0]} {word} {rows} {condition}")

    def _first(self, word: str) -> int | None:
        return next((at for at, token in enumerate(self.words) if token.is_word(word)), None)

    def _closing(self, at: int) -> int | None:
        depth = 0
        for place in range(at, len(self.words)):
            depth += self.words[place].is_mark("(") - self.words[place].is_mark(")")
            if depth == 0:
                return place
        return None

    def _names_before(self, values: int) -> list[str]:
        """The column list of an INSERT; all columns where it has none."""
        if not self.words[values - 1].is_mark(")"):
            return [column.name for column in self.relation.columns]
        names = []
        for token in reversed(self.words[: values - 1]):
            if token.is_mark("("):
                break
            if token.kind in ("word", "quoted"):
                names.append(token.value)
        return names[::-1]

    def _before_columns(self, at: int) -> int:
        """Where the name of the table ends."""
        while at < len(self.words) and not (
            self.words[at].is_mark("(") or self.words[at].is_word("values")
        ):
            at += 1
        return self.words[at].start

    def _split(self, begin: int, end: int | None) -> list[tuple[int, int]]:
        """The parts between commas of one level."""
        if end is None:
            return []
        parts, depth, start = [], 0, begin
        for at in range(begin, end):
            depth += self.words[at].is_mark("(", "[") - self.words[at].is_mark(")", "]")
            if depth == 0 and self.words[at].is_mark(","):
                parts.append((start, at))
                start = at + 1
        return [*parts, (start, end)]

    def _with(self, begin: int, end: int, column: str) -> str | None:
        """An expression whose parameters are values of this column."""
        text, position = "", self.words[begin].start
        for token in self.words[begin:end]:
            if token.kind == "parameter":
                given = self._given(token.text, column)
                if given is None:
                    return None
                text += self.text[position : token.start] + given
                position = token.end
        return text + self.text[position : self.words[end - 1].end]

    def _given(self, parameter: str, column: str) -> str | None:
        """The name under which a parameter's values are given as rows."""
        if parameter not in self.given:
            known = self.relation.column(column)
            if known is None or known.type.endswith("]"):
                return None  # unnest takes arrays of arrays apart
            self.given[parameter] = f"given.{quote_identifier(f'{column}_{parameter[1:]}')}"
            self._columns[parameter] = known.type
        return self.given[parameter]

    def _replaced(self, begin: int, end: int) -> str | None:
        """SET and WHERE: `column = … $n …` takes the row's value, other parameters stay."""
        text, position, column = "", self.words[begin].start, ""
        for at in range(begin, end):
            token = self.words[at]
            if token.is_mark("=") and self.words[at - 1].kind in ("word", "quoted"):
                column = self.words[at - 1].value
            elif token.is_word("and", "or", "where", "set") or token.is_mark("<", ">", "<=", ">="):
                column = ""
            elif token.kind == "parameter" and column:
                given = self._given(token.text, column)
                if given is None:
                    return None
                text += self.text[position : token.start] + given
                position = token.end
        return text + self.text[position : self.words[end - 1].end]

    def _tail(self, begin: int, names: Sequence[str]) -> str:
        """ON CONFLICT and RETURNING: a column set to the row's own value takes it from there."""
        if begin >= len(self.words):
            return ""
        text, position = "", self.words[begin].start
        for at in range(begin, len(self.words)):
            token = self.words[at]
            before = self.words[at - 2 : at]
            if token.kind == "parameter" and before[1].is_mark("=") and before[0].value in names:
                text += self.text[position : token.start]
                text += f"EXCLUDED.{quote_identifier(before[0].value)}"
                position = token.end
        return text + self.text[position : self.words[-1].end]

    def _rows(self) -> str | None:
        """`unnest($1::type[], …) AS given(…)`; None if no parameter is a row's."""
        if not self.given:
            return None
        lists = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(self._columns.values(), 1))
        names = ", ".join(name.removeprefix("given.") for name in self.given.values())
        return f"unnest({lists}) AS given({names})"

    def _final(self, text: str) -> str:
        """What still are parameters of the loop are numbered after the arrays."""
        rows = self._rows() or ""
        before, _, after = text.partition(rows)
        return self._renumbered(before) + rows + self._renumbered(after)

    def _renumbered(self, text: str) -> str:
        result, position = "", 0
        for token in tokens(text):
            if token.kind == "parameter":
                if token.text not in self.scalars:
                    self.scalars.append(token.text)
                number = len(self.given) + self.scalars.index(token.text) + 1
                result += text[position : token.start] + f"${number}"
                position = token.end
        return result + text[position:]
