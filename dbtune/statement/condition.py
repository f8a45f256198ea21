"""Predicates → quals and join clauses: what each condition asks of each relation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlglot import exp

from dbtune.statement.disjunction import Fact, either
from dbtune.statement.expression import (
    function_of,
    has_outside,
    is_fixed,
    literal_text,
    operand_of,
    operator_of,
    render,
    unwrapped,
    uses_in,
)
from dbtune.statement.model import JoinClause, JoinKind, OperandKind, Qual, QualKind
from dbtune.statement.operators import (
    COMPARISONS,
    FLIPPED,
    JOINING,
    KINDS,
    NEGATED,
    SPELLINGS,
    WIDENING,
)
from dbtune.statement.prepare import Prepared
from dbtune.statement.scope import OUTSIDE, columns_in
from dbtune.statement.use import Use

MAX_LISTED = 100
"""Elements of a list that are looked at; longer ones are machine-made, and alike."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Reads lowered predicates of one scope.

    Uses numbered below `first_use` belong to scopes around this one; a clause with one of those
    gets `outer_kind`, any other `inner_kind`.
    """

    prepared: Prepared
    uses: Sequence[Use]
    first_use: int
    inner_kind: JoinKind
    outer_kind: JoinKind

    def facts(self, node: exp.Expr, *, negated: bool = False) -> list[Fact]:
        """All that a predicate says, ANDed."""
        node = unwrapped(node)
        while isinstance(node, exp.Not):
            node, negated = unwrapped(node.this), not negated
        if isinstance(node, exp.And if not negated else exp.Or):
            return [f for part in _parts(node) for f in self.facts(part, negated=negated)]
        if isinstance(node, exp.Or if not negated else exp.And):
            return either([self.facts(p, negated=negated) for p in _parts(node)])
        if isinstance(node, exp.Escape):
            node = node.this
        if isinstance(node, exp.Between):
            return self._between(node, negated=negated)
        if isinstance(node, exp.In):
            return self._in(node, negated=negated)
        if isinstance(node, exp.Is):
            return self._is(node, negated=negated != bool(node.args.get("negate")))
        return self._comparison(node, negated=negated)

    def _comparison(self, node: exp.Expr, *, negated: bool) -> list[Fact]:
        operator = COMPARISONS.get(type(node))
        if isinstance(node, exp.Operator):
            operator = operator_of(node, self.prepared)
            operator = SPELLINGS.get(operator, operator)
        if operator is None:
            return self._boolean(node, negated=negated)
        if isinstance(node, (exp.Like, exp.ILike)) and node.args.get("negate"):
            negated = not negated
        if negated:
            operator = NEGATED.get(operator, f"NOT {operator}")
        left, right = unwrapped(node.this), unwrapped(node.expression)
        if isinstance(_unquantified(right)[0], exp.Query) and _quantifier(right):
            return []
        if _elements(left) and _elements(right):
            return self._row(left, operator, right)
        if _elements(left):
            parts = _elements(left) if operator == "=" else []
            return [fact for part in parts for fact in self.compare(part, operator, right)]
        return self.compare(left, operator, right)

    def compare(self, left: exp.Expr, operator: str, right: exp.Expr) -> list[Fact]:
        """What `left operator right` says."""
        left, right = self._plain(left), self._plain(right)
        here, there = uses_in(left), uses_in(right)
        if not here and there:
            left, right, here, there = right, left, there, here
            if isinstance(left, (exp.Any, exp.Anonymous)) and _quantifier(left):
                return self._other(left, f"{operator} {_quantifier(left)}")
            operator = FLIPPED.get(operator, operator)
        if len(here) != 1 or len(there) > 1:
            return []
        if not there:
            return [self._qual(here[0], left, operator, right)]
        if here == there:
            same = self._qual(here[0], left, operator, right)
            return [replace(same, qual=replace(same.qual, kind="other"))] if same.qual else []
        plain = isinstance(left, exp.Column) and isinstance(right, exp.Column)
        if plain and operator in JOINING:
            return [self._clause(here[0], left.name, operator, there[0], right.name)]
        flipped = FLIPPED.get(operator, operator)
        return [
            self._qual(here[0], left, operator, right),
            self._qual(there[0], right, flipped, left),
        ]

    def _clause(self, one: int, one_column: str, operator: str, two: int, column: str) -> Fact:
        if one > two:
            one, two, one_column, column = two, one, column, one_column
            operator = FLIPPED.get(operator, operator)
        kind = self.outer_kind if one < self.first_use else self.inner_kind
        return Fact(clause=JoinClause(one, one_column, two, column, operator, kind))

    def _qual(self, use: int, subject: exp.Expr, operator: str, operand: exp.Expr) -> Fact:
        """The qual `subject operator operand` on a use; the operand holds none of its columns."""
        column = next(c.name for c in columns_in(subject) if c.table != OUTSIDE)
        kind = KINDS.get(operator, "other")
        operand, quantifier = _unquantified(operand)
        if quantifier == "ANY" and operator == "=":
            kind = "in"
        elif quantifier == "ALL" and operator not in ("<>",):
            kind = "other"
        elif quantifier:
            operator = f"{operator} {quantifier}"
        what, value = self._operand(operand)
        if isinstance(operand, exp.Boolean) and operator in ("=", "<>"):
            kind, value = "boolean", str(operand.this == (operator == "=")).lower()
        if kind == "text_search" and self._type(use, column) in ("jsonb", "json"):
            kind = "contains"
        base = Qual(column, kind, operator, what, value)
        if kind in ("like", "regex") and isinstance(subject, exp.Expr):
            base = replace(base, prefix=self._prefix(kind, operator, operand))
        return Fact(use, self._wrapped(base, subject))

    def _operand(self, node: exp.Expr) -> tuple[OperandKind, str | None]:
        if uses_in(node) or has_outside(node):
            return "column", None
        return operand_of(node, self.prepared)

    def _wrapped(self, qual: Qual, subject: exp.Expr) -> Qual:
        """The qual with the expression and function that wrap its column, if any do."""
        if isinstance(subject, exp.Column):
            return qual
        return replace(
            qual,
            expression=render(subject, self.prepared),
            function=function_of(subject, self.prepared),
            parametrized=not is_fixed(subject) or has_outside(subject),
        )

    def _plain(self, node: exp.Expr) -> exp.Expr:
        """The expression without parentheses, and without casts that change no bytes."""
        node = unwrapped(node)
        if isinstance(node, exp.Cast) and isinstance(unwrapped(node.this), exp.Column):
            column = cast("exp.Column", unwrapped(node.this))
            to = node.to.sql(dialect="postgres").lower()
            if column.table != OUTSIDE and to in WIDENING:
                source = self._type(int(column.table), column.name)
                if source.partition("(")[0] in WIDENING[to]:
                    return column
        return node

    def _type(self, use: int, column: str) -> str:
        found = self.uses[use].relation.column(column)
        return found.type if found else ""

    def _prefix(self, kind: str, operator: str, operand: exp.Expr) -> bool | None:
        """Whether the pattern begins with a literal; None when that cannot be known."""
        if operator == "^@":
            return True
        first = unwrapped(operand)
        while isinstance(first, (exp.DPipe, exp.Operator)):
            first = unwrapped(first.this)
        pattern = literal_text(first, self.prepared)
        if not pattern:
            return None
        if kind == "regex":
            return pattern[0] == "^" and len(pattern) > 1 and pattern[1] not in ".[(\\*+?|$"
        return pattern[0] not in ("%_(|[*+?{" if operator == "SIMILAR TO" else "%_")

    def _between(self, node: exp.Between, *, negated: bool) -> list[Fact]:
        low, high = node.args["low"], node.args["high"]
        if node.args.get("symmetric"):
            return self._other(node, "BETWEEN SYMMETRIC")
        above = self.compare(node.this, "<" if negated else ">=", low)
        below = self.compare(node.this, ">" if negated else "<=", high)
        return either([above, below]) if negated else above + below

    def _in(self, node: exp.In, *, negated: bool) -> list[Fact]:
        values = node.expressions
        subject = unwrapped(node.this)
        if node.args.get("query") or not values:
            return []
        kind: QualKind = "not_equal" if negated else "in"
        operator = "NOT IN" if negated else "IN"
        subjects = _elements(subject)
        if subjects:
            row = tuple(s.name for s in subjects if isinstance(s, exp.Column))
            if negated or len(row) < len(subjects):
                return []
            found = [self._in_list(s, values, kind, operator, at) for at, s in enumerate(subjects)]
            return [replace(f, qual=replace(f.qual, row=row)) for f in found if f and f.qual]
        fact = self._in_list(subject, values, kind, operator)
        return [fact] if fact else []

    def _in_list(
        self,
        subject: exp.Expr,
        values: Sequence[exp.Expr],
        kind: QualKind,
        operator: str,
        at: int | None = None,
    ) -> Fact | None:
        """`subject IN (values)`; of row values, the elements at one position."""
        subject = self._plain(subject)
        here = uses_in(subject)
        if len(here) != 1:
            return None
        if at is not None:
            rows = [_elements(unwrapped(v)) for v in values]
            values = [row[at] for row in rows if len(row) > at]
        operands = [self._operand(v) for v in values[:MAX_LISTED]]
        kinds = {kind for kind, _ in operands}
        what: OperandKind = kinds.pop() if len(kinds) == 1 else "expression"
        if any(here[0] in uses_in(value) for value in values[:MAX_LISTED]):
            return None
        what = "column" if "column" in kinds else what
        shown = what == "constant" and len(values) <= MAX_LISTED
        value = ", ".join(text or "" for _, text in operands) if shown else None
        column = next(c.name for c in columns_in(subject) if c.table != OUTSIDE)
        return Fact(here[0], self._wrapped(Qual(column, kind, operator, what, value), subject))

    def _is(self, node: exp.Is, *, negated: bool) -> list[Fact]:
        subject, what = self._plain(node.this), node.expression
        here = uses_in(subject)
        known = isinstance(what, (exp.Null, exp.Boolean)) and not _elements(subject)
        if len(here) != 1 or not known:
            return []  # IS JSON, IS DOCUMENT, a row IS NULL
        column = next(c.name for c in columns_in(subject) if c.table != OUTSIDE)
        if isinstance(what, exp.Null):
            kind: QualKind = "is_not_null" if negated else "is_null"
            qual = Qual(column, kind, "IS NOT NULL" if negated else "IS NULL", "constant", "NULL")
        else:
            shown = "TRUE" if what.this else "FALSE"
            operator = f"IS NOT {shown}" if negated else f"IS {shown}"
            qual = Qual(
                column, "other" if negated else "boolean", operator, "constant", shown.lower()
            )
        return [Fact(here[0], self._wrapped(qual, subject))]

    def _boolean(self, node: exp.Expr, *, negated: bool) -> list[Fact]:
        here = uses_in(node)
        if len(here) == 1 and isinstance(node, exp.Column) and node.table != OUTSIDE:
            value = "false" if negated else "true"
            return [Fact(here[0], Qual(node.name, "boolean", "=", "constant", value))]
        if function_of(node, self.prepared) == "starts_with" and len(node.expressions) == 2:
            text, start = node.expressions
            return self.compare(text, "^@", start) if not negated else []
        return self._other(node, "NOT" if negated else "")

    def _other(self, node: exp.Expr, operator: str) -> list[Fact]:
        """A condition of some other form, if it concerns one use."""
        here = uses_in(node)
        if len(here) != 1 or any(True for _ in node.find_all(exp.Query)):
            return []
        column = next(c.name for c in columns_in(node) if c.table != OUTSIDE)
        return [Fact(here[0], self._wrapped(Qual(column, "other", operator, "expression"), node))]

    def _row(self, left: exp.Expr, operator: str, right: exp.Expr) -> list[Fact]:
        """A row comparison: equality is one per column, an order is that of the first column."""
        pairs = zip(_elements(left), _elements(right), strict=False)
        compared = [self.compare(one, operator, two) for one, two in pairs]
        facts = [fact for found in compared for fact in found]
        if operator == "=":
            return facts
        if operator not in ("<", "<=", ">", ">="):
            return either([[fact] for fact in facts])
        row = tuple(f.qual.column for f in facts if f.qual)
        return [
            Fact(f.use, replace(f.qual, row=row, in_or=at > 0))
            for at, found in enumerate(compared)
            for f in found
            if f.qual
        ]


def _parts(node: exp.Expr) -> Iterable[exp.Expr]:
    return cast("Iterable[exp.Expr]", node.flatten())


def _elements(node: exp.Expr) -> list[exp.Expr]:
    """The elements of a row constructor, or none."""
    if isinstance(node, exp.Tuple) or (
        isinstance(node, exp.Anonymous) and str(node.this).lower() == "row"
    ):
        return list(node.expressions)
    return []


def _quantifier(node: exp.Expr) -> str:
    if isinstance(node, exp.Any):
        return "ANY"
    if isinstance(node, exp.All) or (
        isinstance(node, exp.Anonymous) and node.expressions and str(node.this).lower() == "all"
    ):
        return "ALL"
    return ""


def _unquantified(node: exp.Expr) -> tuple[exp.Expr, str]:
    """The operand of ANY or ALL, and which of them it was."""
    quantifier = _quantifier(node)
    if not quantifier:
        return node, ""
    inner = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
    return unwrapped(inner), quantifier
