"""A statement rewritten so that a parser cannot mistake a name, an operator or a literal.

sqlglot knows the keywords of thirty dialects and a few of PostgreSQL's operators; it reads a table
called `final` as a keyword and `a <% b` as a comparison. So every name is handed to it quoted and
in its final case, every string as `'s0'`, `'s1'` …, every operator it might not know as
`operator(o0)`. What went in can then be counted out again (`conserved`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dbtune.statement.keywords import TYPES, TYPES_BY_NAME, UNITS, Words
from dbtune.statement.tokens import Token, string_value, tokens

FUNCTION_MARK = "\x01"
"""Stands before names that a parenthesis follows, so that no function counts as a known one."""

DISTINCT_MARK = "\x04"
"""Follows the other before the names of functions whose arguments DISTINCT precedes."""

ARRAY_MARK = "\x03"
"""Stands after the name of an array's element type, once a dimension."""

MAX_DEPTH = 60
"""Deepest nesting of brackets that is read; each level costs the parser several stack frames."""

_NATIVE = frozenset(
    "+ - * / % ^ = < > <= >= <> != => := || -> ->> #> #>>".split()  # noqa: SIM905 - a row of signs
)
_STARTS = frozenset({"select", "with", "insert", "update", "delete", "merge", "values", "table"})
_JSON_KINDS = frozenset({"value", "scalar", "array", "object", "with", "without", "unique", "keys"})
_JSON_STARTS = frozenset({"json_table", "json_query", "json_value", "json_exists", "xmltable"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rewritten statement, and what its placeholders stand for.

    `strings[n]` is the original literal of `'sn'`, `operators[n]` of `operator(on)`.
    """

    sql: str
    strings: tuple[Token, ...]
    operators: tuple[str, ...]
    parameters: int
    content: Counter[str]


class NotPrepared(Exception):
    """A text that is not one readable statement; the message says why."""


def prepare(text: str, after: Prepared | None = None) -> Prepared:
    """One query or DML statement, rewritten.

    Placeholders are numbered on from those of `after`, and the result holds both: so expressions
    of a view and of the statement on it can be mixed.

    Raises:
        NotPrepared: anything else.
    """
    scanned = list(tokens(text))
    while scanned and scanned[-1].is_mark(";"):
        scanned.pop()
    _check(scanned)
    writer = _Writer(
        scanned,
        has_json=any(t.value in _JSON_STARTS for t in scanned),
        strings=list(after.strings) if after else [],
        operators=list(after.operators) if after else [],
    )
    sql = " ".join(writer.words())
    numbers = [int(t.text[1:]) for t in scanned if t.kind == "parameter"]
    return Prepared(
        sql,
        tuple(writer.strings),
        tuple(writer.operators),
        max(numbers, default=0),
        content_of(sql),
    )


_MARKS = frozenset((FUNCTION_MARK, DISTINCT_MARK, ARRAY_MARK))
_COUNTED = frozenset(
    """
    select join where union intersect except limit offset having lateral exists returning
    when left right full natural
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)


def content_of(sql: str) -> Counter[str]:
    """Names, literals, parameters and clauses of a rewritten statement, counted."""
    counted: Counter[str] = Counter()
    for token in tokens(sql):
        if token.kind in ("quoted", "string", "parameter") or (
            token.kind == "word" and token.value in _COUNTED
        ):
            counted[token.text if token.kind != "word" else token.value] += 1
    return counted


def _check(scanned: Sequence[Token]) -> None:
    if not scanned:
        raise NotPrepared("the text is empty")
    first = scanned[0]
    if first.text == "<" and scanned[1:2] and scanned[1].is_word("insufficient"):
        raise NotPrepared("the server hides this text: insufficient privilege")
    if not first.is_mark("(") and not (first.kind == "word" and first.value in _STARTS):
        raise NotPrepared(f"{first.text[:40].upper()} is not a query or DML statement")
    depth = 0
    for token in scanned:
        if token.kind == "broken":
            raise NotPrepared("a string, quoted name or comment does not end; the text is cut off")
        if token.is_mark(";"):
            raise NotPrepared("the text holds several statements")
        depth += token.is_mark("(", "[") - token.is_mark(")", "]")
        if depth > MAX_DEPTH:
            raise NotPrepared(f"brackets nest deeper than {MAX_DEPTH} levels")
        if depth < 0 or not _MARKS.isdisjoint(token.text):
            raise NotPrepared("brackets do not pair")
    if depth:
        raise NotPrepared("brackets do not pair; the text is cut off")


@dataclass(slots=True)
class _Writer(Words):
    """Rewrites one statement's tokens, left to right."""

    strings: list[Token] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)

    def words(self) -> list[str]:
        written: list[str] = []
        at = 0
        while at < len(self.scanned):
            words, at = self._next(at)
            written += words
        return written

    def _next(self, at: int) -> tuple[list[str], int]:
        token = self.scanned[at]
        if token.kind == "string":
            return self._string(at)
        if token.kind == "operator":
            return self._operator(at)
        if token.kind in ("word", "quoted") and self.text(at + 1) + self.text(at + 2) == "[]":
            array = self._array_type(at)
            if array:
                return array
        if token.kind == "word":
            return self._word(at)
        shown = token.text
        if token.kind == "quoted":
            shown = self._name(at)
        elif token.kind == "number":
            shown = _number(shown)
        return [shown], at + 1

    def _string(self, at: int) -> tuple[list[str], int]:
        """A string; strings in a row continue each other."""
        end = at + 1
        while self.kind(end) == "string":
            end += 1
        token = self.scanned[at]
        if end - at > 1:
            joined = "".join(string_value(t) or "" for t in self.scanned[at:end])
            token = Token("string", "'" + joined.replace("'", "''") + "'", token.start, "")
        self.strings.append(token)
        return [f"'s{len(self.strings) - 1}'"], end

    def _operator(self, at: int) -> tuple[list[str], int]:
        token = self.scanned[at]
        if token.text in _NATIVE:
            return [token.text], at + 1
        if not self.is_operand(at - 1):
            raise NotPrepared(f"the prefix operator {token.text} is not read")
        return [self._mask(token.text)], at + 1

    def _mask(self, operator: str) -> str:
        self.operators.append(operator)
        return f"operator(o{len(self.operators) - 1})"

    def _word(self, at: int) -> tuple[list[str], int]:
        rewritten = self._rewritten(at) or self._typed_literal(at)
        if rewritten:
            return rewritten
        if self.is_keyword(at):
            return [self.scanned[at].value], at + 1
        return [self._name(at)], at + 1

    def _rewritten(self, at: int) -> tuple[list[str], int] | None:
        """Spellings that sqlglot does not know, as one that it does."""
        word, after = self.scanned[at].value, self.text(at + 1)
        found: tuple[list[str], int] | None = None
        if word == "overriding" and self.value(at + 2) == "value":
            found = [], at + 3
        elif word == "using" and after in ("<", ">"):
            found = ["asc" if after == "<" else "desc"], at + 2
        elif word == "operator" and after == "(":
            close = next(i for i in range(at, len(self.scanned)) if self.text(i) == ")")
            inner = "".join(t.text for t in self.scanned[at + 2 : close])
            found = [self._mask(f"OPERATOR({inner})")], close + 1
        elif word in ("search", "cycle"):
            found = self._skipped_clause(at)
        elif word == "table" and self.starts_query(at):
            found = ["select", "*", "from"], at + 1
        elif word == "distinct" and self.text(at - 1) == "(" and self.is_name(at - 2):
            found = [], at + 1
        elif word == "json" and self.value(at - 1) in ("is", "not"):
            kinds = itertools.takewhile(lambda t: t.value in _JSON_KINDS, self.scanned[at + 1 :])
            found = ["json"], at + 1 + sum(1 for _ in kinds)
        elif word == "only" and after == "(" and self.text(at + 3) == ")":
            found = [word, self._name(at + 2)], at + 4
        elif word == "some" and after == "(" and self.kind(at - 1) == "operator":
            found = ["any"], at + 1
        return found

    def _skipped_clause(self, at: int) -> tuple[list[str], int] | None:
        """SEARCH … SET column, CYCLE … SET column … USING column: they only add columns."""
        searches = self.scanned[at].value == "search"
        placed = self.text(at - 1) == ")" or self.value(at - 2) == "set"
        if not placed or (searches and self.value(at + 1) not in ("depth", "breadth")):
            return None
        last = "set" if searches else "using"
        for end in range(at, len(self.scanned) - 1):
            if self.scanned[end].is_word(last):
                return [], end + 2
        return None

    def _array_type(self, at: int) -> tuple[list[str], int] | None:
        """`oid[]` as the name of a type; sqlglot knows arrays of its own types only."""
        token, end = self.scanned[at], at + 1
        if token.is_word("array", "varying", "precision", "zone", *TYPES):
            return None
        while self.text(end) + self.text(end + 1) == "[]":
            end += 2
        return [_quoted(_folded(token) + ARRAY_MARK * ((end - at) // 2))], end

    def _typed_literal(self, at: int) -> tuple[list[str], int] | None:
        """`date '…'` and its like; `interval $1`, as statistics show it, is no SQL at all."""
        word, end = self.scanned[at].value, at + 1
        if self.text(at - 1) in (".", "::"):
            return None
        if word in ("time", "timestamp") and self.value(end) in ("with", "without"):
            end += 3
        value = self.kind(end)
        if value not in ("string", "parameter"):
            return None
        by_keyword = word in TYPES
        if not by_keyword and (self.is_keyword(at) or word == "escape" or value is None):
            return None
        shown = " ".join(t.value for t in self.scanned[at:end])
        if not by_keyword and word not in TYPES_BY_NAME:
            shown = _quoted(word)
        if value == "parameter":
            words, after = [self.scanned[end].text], end + 1
        else:
            words, after = self._string(end)
        if word == "interval" and self.value(after) in UNITS:
            if value == "string":
                amount = self.strings[-1]
                text = f"{amount.text[:-1]} {self.value(after)}'"
                self.strings[-1] = replace(amount, text=text)
            after += 3 if self.value(after + 1) == "to" else 1
        return ["cast (", *words, "as", shown, ")"], after

    def _name(self, at: int) -> str:
        token = self.scanned[at]
        if token.kind == "quoted" and token.text[0] in "uU":
            raise NotPrepared(f"the escaped name {token.text[:40]} is not read")
        mark = FUNCTION_MARK if self.text(at + 1) == "(" else ""
        if mark and self.value(at + 2) == "distinct":
            mark += DISTINCT_MARK
        name = _quoted(mark + _folded(token))
        # sqlglot takes `f(a -> b)` and `f((a) -> b)` for lambdas.
        if self.text(at + 1) == "->" and self.text(at - 1) in ("(", ","):
            return f"(( {name} ))"
        if self.text(at - 1) == "(" and self.text(at + 1) + self.text(at + 2) == ")->":
            return f"( {name} )"
        return name


def _folded(token: Token) -> str:
    """A name as the server stores it: unquoted ones fold their ASCII letters only."""
    if token.kind == "quoted":
        return token.value
    return "".join(c.lower() if c.isascii() else c for c in token.text)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _number(text: str) -> str:
    digits = text.replace("_", "")
    if digits[:2].lower() in ("0x", "0o", "0b"):
        return str(int(digits, 0))
    return digits + "0" if digits.endswith(".") else digits
