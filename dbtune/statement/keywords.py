"""Which words are keywords where they stand, and which are names.

PostgreSQL lets most of its keywords be names; so the words around one decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbtune.identifier import quote_identifier
from dbtune.statement.tokens import Token

_ONLY_BEFORE_PARENTHESIS = frozenset(
    """
    coalesce exists extract greatest grouping json_array json_arrayagg json_exists
    json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    least merge_action normalize nullif overlay position row substring treat trim
    xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
    xmlroot xmlserialize xmltable cube rollup repeatable
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
TYPES = frozenset(
    """
    bigint bit boolean char character dec decimal float int integer interval json national
    nchar none numeric real setof smallint time timestamp varchar inout out precision
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
TYPES_BY_NAME = frozenset(
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
_OPERANDS = frozenset(
    """
    end null true false default current_date current_time current_timestamp current_user
    localtime localtimestamp session_user user
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
UNITS = frozenset({"year", "month", "day", "hour", "minute", "second"})
_FRAME_WORDS = frozenset({"rows", "range", "groups", "preceding", "following"})


def _either(before: str, after: str = "") -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(before.split()), frozenset(after.split())


# Unreserved words and the neighbours that make them keywords; else they are names.
_KEYWORD_BETWEEN = {
    "insert": _either("then ( ; ^", "into"),
    "update": _either("then do for key ( ^ )", "only"),
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


@dataclass(slots=True)
class Words:
    """A statement's tokens, each asked about by its place; places outside hold nothing.

    `has_json` says that the statement calls JSON_TABLE or its like, which have words of their own.
    """

    scanned: Sequence[Token]
    has_json: bool

    def is_keyword(self, at: int) -> bool:
        word = self.scanned[at].value
        before = self.value(at - 1) if at else "^"
        after = self.value(at + 1) if at + 1 < len(self.scanned) else "^"
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
        if word in TYPES:
            by_place = before in ("::", "as", "double", "national", "at") or after == "zone"
            return by_place or self.kind(at + 1) == "string" or self._in_type(at)
        if word in _JSON_WORDS and self.has_json:
            return True
        if word in UNITS:
            extracted = before == "(" and self.value(at - 2) == "extract"
            return self.kind(at - 1) == "string" or before == "to" or extracted
        if word in _FRAME_WORDS:
            return self._in_frame(at, before, after)
        rules = {
            "left": after != "(",
            "right": after != "(",
            "escape": self.is_value(at + 1),
            "nowait": at + 1 == len(self.scanned),
            "set": before not in (",", "(", "select", "where", "and", "or", "by"),
            **dict.fromkeys(TYPES_BY_NAME, before in ("::", "as") or self._in_type(at)),
            "values": after == "(" or before == "default",
        }
        return rules.get(word)

    def _counts_rows(self, at: int) -> bool:
        """`FETCH FIRST 5 ROWS`, `OFFSET $1 ROWS`."""
        counted = self.value(at - 2) in ("first", "next", "offset")
        return self.scanned[at].value in ("row", "rows") and counted

    def _in_frame(self, at: int, before: str, after: str) -> bool:
        """For the words of window frames."""
        if self.scanned[at].value in ("preceding", "following"):
            return before in ("unbounded", "row", ")") or self.is_value(at - 1)
        begins = after in ("between", "unbounded", "current", "from")
        follows = self.kind(at - 1) is not None and before not in (",", "select", "by")
        return begins or self._counts_rows(at) or (self.is_value(at + 1) and follows)

    def _in_type(self, at: int) -> bool:
        """True for a type's name where a type must stand: `a int` in a column list, `int[]`."""
        after = self.text(at + 1).lower()
        before = self.scanned[at - 1] if at else None
        if before and before.kind in ("quoted", "word") and not _is_reserved(before.value):
            return after in (",", ")", "[", "(", "path", "exists", "format")
        return self.value(at + 1) in ("varying", "precision")

    def is_value(self, at: int) -> bool:
        return self.kind(at) in ("string", "number", "parameter")

    def is_operand(self, at: int) -> bool:
        if at < 0:
            return False
        token = self.scanned[at]
        if token.kind == "word":
            return token.value in _OPERANDS or not self.is_keyword(at)
        return token.kind not in ("operator", "punctuation") or token.is_mark(")", "]")

    def starts_query(self, at: int) -> bool:
        before = self.text(at - 1).lower()
        return at == 0 or before in ("(", ")", "union", "all", "intersect", "except")

    def is_name(self, at: int) -> bool:
        if self.kind(at) == "word":
            return not self.is_keyword(at)
        return self.kind(at) == "quoted"

    def text(self, at: int) -> str:
        return self.scanned[at].text if 0 <= at < len(self.scanned) else ""

    def value(self, at: int) -> str:
        return self.scanned[at].value if 0 <= at < len(self.scanned) else ""

    def kind(self, at: int) -> str | None:
        return self.scanned[at].kind if 0 <= at < len(self.scanned) else None


def _is_reserved(word: str) -> bool:
    return word.isascii() and "$" not in word and quote_identifier(word) != word
