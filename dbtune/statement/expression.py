"""Expressions back to PostgreSQL SQL, as CREATE INDEX would take them."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from dbtune.identifier import quote_identifier
from dbtune.statement.model import OperandKind
from dbtune.statement.prepare import ARRAY_MARK, DISTINCT_MARK, FUNCTION_MARK, Prepared
from dbtune.statement.scope import OUTSIDE, columns_in, name_of, queries_in
from dbtune.statement.tokens import string_value, tokens


def render(node: exp.Expr, prepared: Prepared) -> str:
    """SQL of a lowered expression: columns unqualified, names quoted as PostgreSQL would."""
    copied = node.copy()
    for column in list(columns_in(copied)):
        bare = exp.to_identifier(column.name, quoted=True)
        if column is copied:
            return quote_identifier(column.name)
        held: exp.Expr = column
        while isinstance(held.parent, exp.Paren) and not isinstance(held.parent.parent, exp.Dot):
            held = held.parent
        if held is copied:
            return quote_identifier(column.name)
        held.replace(bare)
    generated = copied.sql(
        dialect="postgres", normalize_functions=False, unsupported_level=ErrorLevel.IGNORE
    )
    return _restored(generated, prepared)


def _restored(generated: str, prepared: Prepared) -> str:
    """Generated SQL, its placeholders replaced by what they stand for."""
    scanned = list(tokens(generated))
    parts: list[str] = []
    at, position = 0, 0
    while at < len(scanned):
        token, end = scanned[at], scanned[at].end
        shown = token.text
        if token.kind == "string":
            shown = prepared.strings[int(token.text[2:-1])].text
        elif token.kind == "quoted":
            name = token.value.lstrip(FUNCTION_MARK + DISTINCT_MARK).rstrip(ARRAY_MARK)
            shown = quote_identifier(name) + "[]" * token.value.count(ARRAY_MARK)
        elif token.is_word("operator") and at + 3 < len(scanned):
            shown = prepared.operators[int(scanned[at + 2].text[1:])]
            at += 3
            end = scanned[at].end
        parts += (generated[position : token.start], shown)
        position = end
        at += 1
    return "".join(parts) + generated[position:]


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
    if isinstance(inner, exp.Array) and inner.expressions:
        kinds = {operand_of(element, prepared)[0] for element in inner.expressions[:100]}
        kind = kinds.pop() if len(kinds) == 1 else "expression"
        short = kind == "constant" and len(inner.expressions) <= 100
        return kind, render(node, prepared) if short else None
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
    "dpipe": "||",
    "jsonvalue": "json_value",
    "jsonextract": "->",
    "jsonextractscalar": "->>",
    "jsonbextract": "#>",
    "jsonbextractscalar": "#>>",
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
