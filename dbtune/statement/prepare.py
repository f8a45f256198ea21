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

from dbtune.identifier import quote_identifier
from dbtune.statement.tokens import Token, string_value, tokens

FUNCTION_MARK = "\x01"
"""Stands before names that a parenthesis follows, so that no function counts as a known one."""

MAX_DEPTH = 60
"""Deepest nesting of brackets that is read; each level costs the parser several stack frames."""

_NATIVE = frozenset(
    "+ - * / % ^ = < > <= >= <> != => := || -> ->> #> #>>".split()  # noqa: SIM905 - a row of signs
)
_STARTS = frozenset({"select", "with", "insert", "update", "delete", "merge", "values", "table"})
_ONLY_BEFORE_PARENTHESIS = frozenset(
    """
    coalesce exists extract greatest grouping json_array json_arrayagg json_exists
    json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    least merge_action normalize nullif overlay position row substring treat trim
    xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
    xmlroot xmlserialize xmltable cube rollup repeatable
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
_TYPES = frozenset(
    """
    bigint bit boolean char character dec decimal float int integer interval json national
    nchar none numeric real setof smallint time timestamp varchar inout out precision
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
_TYPES_BY_NAME = frozenset(
    """
    text uuid date jsonb bool int2 int4 int8 float4 float8 timestamptz timetz bytea inet
    cidr tsvector tsquery name money xml
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
_JSON_WORDS = frozenset(
    """
    columns path error empty keep omit quotes wrapper nested passing absent object scalar
    conditional unconditional without unique keys returning format encoding
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
_JSON_KINDS = frozenset({"value", "scalar", "array", "object", "with", "without", "unique", "keys"})
_JSON_STARTS = frozenset({"json_table", "json_query", "json_value", "json_exists", "xmltable"})
_OPERANDS = frozenset(
    """
    end null true false default current_date current_time current_timestamp current_user
    localtime localtimestamp session_user user
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
_UNITS = frozenset({"year", "month", "day", "hour", "minute", "second"})
_FRAME_WORDS = frozenset({"rows", "range", "groups", "preceding", "following"})


def _either(before: str, after: str = "") -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(before.split()), frozenset(after.split())


# Unreserved words and the neighbours that make them keywords; else they are names.
_KEYWORD_BETWEEN = {
    "insert": _either("then ( ; ^", "into"),
    "update": _either("then do for key ( ^", "only"),
    "delete": _either("then ( ^", "from"),
    "merge": _either("( ^ )", "into"),
    "by": _either("order group partition first matched"),
    "over": _either(")"),
    "filter": _either(") ", ""),
    "within": _either(")"),
    "partition": _either("", "by"),
    "recursive": _either("with"),
    "materialized": _either("as not"),
    "first": _either("nulls fetch depth breadth"),
    "next": _either("fetch"),
    "last": _either("nulls"),
    "nulls": _either("", "first last"),
    "unbounded": _either("", "preceding following"),
    "current": _either("", "row of"),
    "exclude": _either("", "current group ties no"),
    "ties": _either("with exclude"),
    "others": _either("no"),
    "zone": _either("time"),
    "at": _either("", "time local"),
    "local": _either("at"),
    "ordinality": _either("with for"),
    "conflict": _either("on"),
    "nothing": _either("do"),
    "matched": _either("when not"),
    "source": _either("by"),
    "target": _either("by"),
    "share": _either("for key"),
    "key": _either("no", "update share"),
    "no": _either("for exclude do", "key others"),
    "of": _either("update share current"),
    "skip": _either("", "locked"),
    "locked": _either("skip"),
    "sets": _either("grouping"),
    "double": _either("", "precision"),
    "varying": _either("character char bit"),
    "system": _either("tablesample"),
    "bernoulli": _either("tablesample"),
    "search": _either("", "depth breadth"),
    "depth": _either("search"),
    "breadth": _either("search"),
    "cycle": _either(")"),
    "unknown": _either("is not"),
    "without": _either("time timestamp"),
    "operator": _either(""),
}


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
        if depth < 0 or FUNCTION_MARK in token.text:
            raise NotPrepared("brackets do not pair")
    if depth:
        raise NotPrepared("brackets do not pair; the text is cut off")


@dataclass(slots=True)
class _Writer:
    """Rewrites one statement's tokens, left to right."""

    scanned: Sequence[Token]
    has_json: bool
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
        while self._kind(end) == "string":
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
        if not self._is_operand(at - 1):
            raise NotPrepared(f"the prefix operator {token.text} is not read")
        return [self._mask(token.text)], at + 1

    def _mask(self, operator: str) -> str:
        self.operators.append(operator)
        return f"operator(o{len(self.operators) - 1})"

    def _word(self, at: int) -> tuple[list[str], int]:
        rewritten = self._rewritten(at) or self._typed_literal(at)
        if rewritten:
            return rewritten
        if self._is_keyword(at):
            return [self.scanned[at].value], at + 1
        return [self._name(at)], at + 1

    def _rewritten(self, at: int) -> tuple[list[str], int] | None:
        """Spellings that sqlglot does not know, as one that it does."""
        word, after = self.scanned[at].value, self._text(at + 1)
        found: tuple[list[str], int] | None = None
        if word == "overriding" and self._value(at + 2) == "value":
            found = [], at + 3
        elif word == "using" and after in ("<", ">"):
            found = ["asc" if after == "<" else "desc"], at + 2
        elif word == "operator" and after == "(":
            close = next(i for i in range(at, len(self.scanned)) if self._text(i) == ")")
            inner = "".join(t.text for t in self.scanned[at + 2 : close])
            found = [self._mask(f"OPERATOR({inner})")], close + 1
        elif word in ("search", "cycle"):
            found = self._skipped_clause(at)
        elif word == "table" and self._starts_query(at):
            found = ["select", "*", "from"], at + 1
        elif word == "distinct" and self._text(at - 1) == "(" and self._is_name(at - 2):
            found = [], at + 1
        elif word == "json" and self._value(at - 1) in ("is", "not"):
            kinds = itertools.takewhile(lambda t: t.value in _JSON_KINDS, self.scanned[at + 1 :])
            found = ["json"], at + 1 + sum(1 for _ in kinds)
        elif word == "only" and after == "(" and self._text(at + 3) == ")":
            found = [word, self._name(at + 2)], at + 4
        elif word == "some" and after == "(" and self._kind(at - 1) == "operator":
            found = ["any"], at + 1
        return found

    def _skipped_clause(self, at: int) -> tuple[list[str], int] | None:
        """SEARCH … SET column, CYCLE … SET column … USING column: they only add columns."""
        searches = self.scanned[at].value == "search"
        placed = self._text(at - 1) == ")" or self._value(at - 2) == "set"
        if not placed or (searches and self._value(at + 1) not in ("depth", "breadth")):
            return None
        last = "set" if searches else "using"
        for end in range(at, len(self.scanned) - 1):
            if self.scanned[end].is_word(last):
                return [], end + 2
        return None

    def _starts_query(self, at: int) -> bool:
        before = self._text(at - 1).lower()
        return at == 0 or before in ("(", ")", "union", "all", "intersect", "except")

    def _is_name(self, at: int) -> bool:
        if self._kind(at) == "word":
            return not self._is_keyword(at)
        return self._kind(at) == "quoted"

    def _typed_literal(self, at: int) -> tuple[list[str], int] | None:
        """`date '…'` and its like; `interval $1`, as statistics show it, is no SQL at all."""
        word, end = self.scanned[at].value, at + 1
        if self._text(at - 1) in (".", "::"):
            return None
        if word in ("time", "timestamp") and self._value(end) in ("with", "without"):
            end += 3
        value = self._kind(end)
        if value not in ("string", "parameter"):
            return None
        by_keyword = word in _TYPES
        if not by_keyword and (self._is_keyword(at) or word == "escape" or value is None):
            return None
        shown = " ".join(t.value for t in self.scanned[at:end])
        if not by_keyword and word not in _TYPES_BY_NAME:
            shown = _quoted(word)
        if value == "parameter":
            words, after = [self.scanned[end].text], end + 1
        else:
            words, after = self._string(end)
        if word == "interval" and self._value(after) in _UNITS:
            if value == "string":
                amount = self.strings[-1]
                text = f"{amount.text[:-1]} {self._value(after)}'"
                self.strings[-1] = replace(amount, text=text)
            after += 3 if self._value(after + 1) == "to" else 1
        return ["cast (", *words, "as", shown, ")"], after

    def _is_keyword(self, at: int) -> bool:
        word = self.scanned[at].value
        before = self._value(at - 1) if at else "^"
        after = self._value(at + 1) if at + 1 < len(self.scanned) else "^"
        if before == "." or after == ".":
            return False
        if before == "::" and word.isascii() and "$" not in word:
            return True
        by_place = self._keyword_by_place(at, before, after)
        if by_place is not None:
            return by_place
        neighbours = _KEYWORD_BETWEEN.get(word)
        if neighbours:
            return before in neighbours[0] or after in neighbours[1]
        if before == "as" and word not in ("not", "select", "with"):
            return False
        return _is_reserved(word)

    def _keyword_by_place(self, at: int, before: str, after: str) -> bool | None:
        """Whether a word is a keyword, for words of which the place decides; else None."""
        word = self.scanned[at].value
        if word in _ONLY_BEFORE_PARENTHESIS:
            rows = word == "row" and (before == "current" or after in ("only", "with"))
            sets = word == "grouping" and after == "sets"
            return after == "(" or rows or sets or self._counts_rows(at)
        if word in _TYPES:
            by_place = before in ("::", "as", "double", "national", "at") or after == "zone"
            return by_place or self._kind(at + 1) == "string" or self._in_type(at)
        if word in _JSON_WORDS and self.has_json:
            return True
        if word in _UNITS:
            extracted = before == "(" and self._value(at - 2) == "extract"
            return self._kind(at - 1) == "string" or before == "to" or extracted
        if word in _FRAME_WORDS:
            return self._in_frame(at, before, after)
        rules = {
            "left": after != "(",
            "right": after != "(",
            "escape": self._is_value(at + 1),
            "nowait": at + 1 == len(self.scanned),
            "set": before not in (",", "(", "select", "where", "and", "or", "by"),
            **dict.fromkeys(_TYPES_BY_NAME, before in ("::", "as") or self._in_type(at)),
            "values": after == "(" or before == "default",
        }
        return rules.get(word)

    def _counts_rows(self, at: int) -> bool:
        """`FETCH FIRST 5 ROWS`, `OFFSET $1 ROWS`."""
        counted = self._value(at - 2) in ("first", "next", "offset")
        return self.scanned[at].value in ("row", "rows") and counted

    def _in_frame(self, at: int, before: str, after: str) -> bool:
        """For the words of window frames."""
        if self.scanned[at].value in ("preceding", "following"):
            return before in ("unbounded", "row", ")") or self._is_value(at - 1)
        begins = after in ("between", "unbounded", "current", "from")
        follows = self._kind(at - 1) is not None and before not in (",", "select", "by")
        return begins or self._counts_rows(at) or (self._is_value(at + 1) and follows)

    def _in_type(self, at: int) -> bool:
        """True for a type's name where a type must stand: `a int` in a column list, `int[]`."""
        after = self._text(at + 1)
        before = self.scanned[at - 1] if at else None
        if before and before.kind in ("quoted", "word") and not _is_reserved(before.value):
            return after in (",", ")", "[", "(", "path", "exists", "format")
        return self._value(at + 1) in ("varying", "precision")

    def _is_value(self, at: int) -> bool:
        return self._kind(at) in ("string", "number", "parameter")

    def _is_operand(self, at: int) -> bool:
        if at < 0:
            return False
        token = self.scanned[at]
        if token.kind == "word":
            return token.value in _OPERANDS or not self._is_keyword(at)
        return token.kind not in ("operator", "punctuation") or token.is_mark(")", "]")

    def _name(self, at: int) -> str:
        token = self.scanned[at]
        if token.kind == "quoted" and token.text[0] in "uU":
            raise NotPrepared(f"the escaped name {token.text[:40]} is not read")
        mark = FUNCTION_MARK if self._text(at + 1) == "(" else ""
        name = _quoted(mark + _folded(token))
        # sqlglot takes `f(a -> b)` and `f((a) -> b)` for lambdas.
        if self._text(at + 1) == "->" and self._text(at - 1) in ("(", ","):
            return f"(( {name} ))"
        if self._text(at - 1) == "(" and self._text(at + 1) + self._text(at + 2) == ")->":
            return f"( {name} )"
        return name

    def _text(self, at: int) -> str:
        return self.scanned[at].text if 0 <= at < len(self.scanned) else ""

    def _value(self, at: int) -> str:
        return self.scanned[at].value if 0 <= at < len(self.scanned) else ""

    def _kind(self, at: int) -> str | None:
        return self.scanned[at].kind if 0 <= at < len(self.scanned) else None


def _folded(token: Token) -> str:
    """A name as the server stores it: unquoted ones fold their ASCII letters only."""
    if token.kind == "quoted":
        return token.value
    return "".join(c.lower() if c.isascii() else c for c in token.text)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_reserved(word: str) -> bool:
    return word.isascii() and "$" not in word and quote_identifier(word) != word


def _number(text: str) -> str:
    digits = text.replace("_", "")
    if digits[:2].lower() in ("0x", "0o", "0b"):
        return str(int(digits, 0))
    return digits + "0" if digits.endswith(".") else digits
