"""Expressions back to PostgreSQL SQL, as CREATE INDEX would take them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from dbtune.identifier import quote_identifier
from dbtune.statement.model import OperandKind
from dbtune.statement.prepare import FUNCTION_MARK, Prepared
from dbtune.statement.scope import OUTSIDE, columns_in, name_of, queries_in
from dbtune.statement.tokens import string_value, tokens

_NO_SPACE_AFTER = frozenset({"(", "[", ".", "::"})
_NO_SPACE_BEFORE = frozenset({")", "]", ",", ".", "::", "["})


def render(node: exp.Expr, prepared: Prepared) -> str:
    """SQL of a lowered expression: columns unqualified, names quoted as PostgreSQL would."""
    copied = node.copy()
    for column in list(columns_in(copied)):
        bare = exp.to_identifier(column.name, quoted=True)
        if column is copied:
            return quote_identifier(column.name)
        column.replace(bare)
    generated: str = copied.sql(dialect="postgres", normalize_functions=False)
    words: list[str] = []
    last = ""
    for word in _restored(generated, prepared):
        tight = last in _NO_SPACE_AFTER or word in _NO_SPACE_BEFORE or not last
        call = word == "(" and words and _is_name(last)
        words.append(word if tight or call else f" {word}")
        last = word
    return "".join(words)


def _is_name(word: str) -> bool:
    return word[-1] == '"' or (word[0].isalpha() and word.upper() not in _SPACED)


_SPACED = frozenset(
    {"IN", "AND", "OR", "NOT", "AS", "THEN", "ELSE", "WHEN", "FROM", "LIKE", "BOTH"}
)


def _restored(generated: str, prepared: Prepared) -> Iterator[str]:
    """The tokens of generated SQL, placeholders replaced by what they stand for."""
    scanned = list(tokens(generated))
    at = 0
    while at < len(scanned):
        token = scanned[at]
        if token.kind == "string":
            yield prepared.strings[int(token.text[2:-1])].text
        elif token.kind == "quoted":
            yield quote_identifier(token.value.removeprefix(FUNCTION_MARK))
        elif token.is_word("operator") and at + 2 < len(scanned):
            yield prepared.operators[int(scanned[at + 2].text[1:])]
            at += 3
        else:
            yield token.text
        at += 1


def unwrapped(node: exp.Expr) -> exp.Expr:
    """The expression inside any parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def operand_of(node: exp.Expr, prepared: Prepared) -> tuple[OperandKind, str | None]:
    """What an operand without columns of the relation is, and its SQL if it is a constant.

    A cast of a parameter is still a parameter, a cast of a constant a constant.
    """
    inner = unwrapped(node)
    while isinstance(inner, exp.Cast):
        inner = unwrapped(inner.this)
    if isinstance(inner, exp.Query) or next(queries_in(inner), None) is not None:
        return "subquery", None
    if isinstance(inner, exp.Column):
        return "column", None
    if isinstance(inner, exp.Parameter):
        return "parameter", None
    if isinstance(inner, exp.Neg):
        inner = unwrapped(inner.this)
    if isinstance(inner, (exp.Literal, exp.Boolean, exp.Null, exp.Interval)):
        return "constant", render(node, prepared)
    return "expression", None


def function_of(node: exp.Expr, prepared: Prepared) -> str:
    """The name of the function or operator that an expression is."""
    if isinstance(node, exp.Anonymous):
        return name_of(node.this)
    if isinstance(node, exp.Operator):
        return operator_of(node, prepared)
    if isinstance(node, (exp.Dot, exp.Filter, exp.Window)) and isinstance(
        node.expression, exp.Anonymous
    ):
        return name_of(node.expression.this)
    return _OPERATOR_NAMES.get(node.key, node.key)


_OPERATOR_NAMES = {
    "attimezone": "at time zone",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "mod": "%",
    "pow": "^",
    "strposition": "position",
    "bracket": "[]",
    "neg": "-",
}


def operator_of(node: exp.Operator, prepared: Prepared) -> str:
    """A masked operator's own text; OPERATOR(schema.op) as the bare operator."""
    text = prepared.operators[int(str(node.args["operator"])[1:])]
    if text.startswith("OPERATOR("):
        return text[9:-1].rsplit(".", 1)[-1]
    return text


def literal_text(node: exp.Expr, prepared: Prepared) -> str | None:
    """The value of a string literal."""
    inner = unwrapped(node)
    while isinstance(inner, exp.Cast):
        inner = unwrapped(inner.this)
    if isinstance(inner, exp.Literal) and inner.is_string:
        return string_value(prepared.strings[int(inner.name[1:])])
    return None


def uses_in(node: exp.Expr) -> tuple[int, ...]:
    """The numbers of the uses whose columns a lowered expression holds, in order of appearance."""
    found = (c.table for c in columns_in(node))
    return tuple(dict.fromkeys(int(table) for table in found if table != OUTSIDE))


def has_outside(node: exp.Expr) -> bool:
    """True if a lowered expression holds a column that no base relation has."""
    return any(c.table == OUTSIDE for c in columns_in(node))


def is_fixed(node: exp.Expr) -> bool:
    """True if nothing in the expression varies by call or row: what an index expression needs."""
    return not any(isinstance(n, (exp.Parameter, exp.Query)) for n in node.walk())
