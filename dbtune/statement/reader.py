"""Queries and DML → relation uses: FROM, WHERE, ORDER BY and the rest, scope by scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from sqlglot import exp

from dbtune.statement.asked import Asked
from dbtune.statement.condition import Conditions
from dbtune.statement.disjunction import Fact
from dbtune.statement.dml import read_dml
from dbtune.statement.expression import unwrapped
from dbtune.statement.from_clause import From, Place
from dbtune.statement.model import JoinClause, JoinKind
from dbtune.statement.prepare import NotPrepared, Prepared
from dbtune.statement.scope import (
    Output,
    Scope,
    Source,
    name_of,
    queries_in,
)
from dbtune.statement.select_list import (
    SET_RETURNING,
    calls,
    group_expressions,
    is_grouped,
    output_name,
)
from dbtune.statement.use import Use

MAX_QUERIES = 5000
"""Queries read in one statement: WITH queries that use each other twice double at each step."""


@dataclass(frozen=True, slots=True)
class Cte:
    """A WITH query: its tree, the names it sees, and whether it is worked out apart."""

    node: exp.CTE
    names: Mapping[str, Cte | Source]
    fenced: bool


Names = Mapping[str, "Cte | Source"]


@dataclass(frozen=True, slots=True)
class Branches:
    """What reading a query gave: a scope for each branch of a set operation."""

    scopes: tuple[Scope, ...]
    fenced: bool = False


@dataclass(slots=True)
class Reader:
    """Reads one statement's tree. `references` counts the uses of each WITH query's name."""

    origin: From
    prepared: Prepared
    references: Counter[str]
    uses: list[Use] = field(default_factory=list)
    clauses: dict[JoinClause, None] = field(default_factory=dict)
    nullable: set[int] = field(default_factory=set)
    queries: int = 0
    on_conflict: tuple[str, ...] | None = None
    rows_per_call: int | None = None

    def query(self, node: exp.Expr, parent: Scope | None, kind: JoinKind, names: Names) -> Branches:
        """Read a query: a SELECT, a set operation, VALUES, or DML with RETURNING."""
        self.queries += 1
        if self.queries > MAX_QUERIES:
            raise NotPrepared(f"views and WITH queries unfold to more than {MAX_QUERIES} queries")
        names = self.with_names(node, parent, names)
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, parent, kind, names)
            return Branches(inner.scopes, inner.fenced or _is_limited(node))
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, parent, kind, names)
        if isinstance(node, exp.Select):
            return Branches((self._select(node, parent, kind, names),), _is_fenced(node))
        if isinstance(node, exp.DML):
            return Branches((self.dml(node, names),), fenced=True)
        scope = Scope(parent, kind, len(self.uses))
        self.read(node, scope, names)
        return Branches((scope,), fenced=True)

    def with_names(self, node: exp.Expr, parent: Scope | None, names: Names) -> Names:
        """The names that a query sees: those around it and its own WITH queries."""
        clause = node.args.get("with_")
        if not clause:
            return names
        known = dict(names)
        for cte in clause.expressions:
            name = name_of(cte.args["alias"].this)
            recursive = bool(clause.args.get("recursive")) and self._names_itself(cte, name)
            wanted = cte.args.get("materialized")
            count = self.references[name]
            once = count == 1 or wanted is False
            inlined = once and not recursive and wanted is not True
            if inlined and isinstance(cte.this, exp.Query):
                known[name] = Cte(cte, dict(known), fenced=False)
            else:
                known[name] = self._worked_out(cte, name, parent, known, recursive=recursive)
        return known

    @staticmethod
    def _names_itself(cte: exp.CTE, name: str) -> bool:
        return any(name_of(t.this) == name and not t.db for t in cte.find_all(exp.Table))

    def _worked_out(
        self, cte: exp.CTE, name: str, parent: Scope | None, names: Names, *, recursive: bool
    ) -> Source:
        """A WITH query that is read once, and lets no predicate in."""
        columns = tuple(name_of(c) for c in cte.args["alias"].args.get("columns") or ())
        if recursive and isinstance(cte.this, exp.SetOperation):
            anchor = self.query(cte.this.this, parent, "left", names)
            itself = Source(name, branches=anchor.scopes, columns=columns, fenced=True)
            rest = self.query(cte.this.expression, parent, "left", {**names, name: itself})
            for scope in (*anchor.scopes, *rest.scopes):
                scope.read_outputs()
            return itself
        scopes = self.query(cte.this, parent, "left", names).scopes
        return Source(name, branches=scopes, columns=columns, fenced=True)

    def _set_operation(
        self, node: exp.SetOperation, parent: Scope | None, kind: JoinKind, names: Names
    ) -> Branches:
        parts: list[exp.Expr] = []
        left: exp.Expr = node
        fenced = _is_limited(node)
        everything = False
        while isinstance(left, exp.SetOperation):
            parts.append(left.expression)
            everything = everything or bool(left.args.get("distinct"))
            fenced = fenced or not isinstance(left, exp.Union)
            if left is not node and (left.args.get("with_") or _is_limited(left)):
                break
            left = left.this
        read = [self.query(p, parent, kind, names) for p in (left, *reversed(parts))]
        scopes = tuple(scope for branches in read for scope in branches.scopes)
        if everything:
            for scope in scopes:
                scope.read_outputs()
        return Branches(scopes, fenced or any(b.fenced for b in read))

    def _select(
        self, node: exp.Select, parent: Scope | None, kind: JoinKind, names: Names
    ) -> Scope:
        scope = Scope(parent, kind, len(self.uses))
        self.origin.read_from(Place(self, scope, names), node)
        where = node.args.get("where")
        if where:
            self.predicate(where.this, scope, names)
        for part in ("having", "qualify", "order", "distinct", "limit", "offset", "group"):
            if node.args.get(part):
                self.subqueries(node.args[part], scope, names)
        for window in node.args.get("windows") or ():
            self.read(window, scope, names)
        self._outputs(node, scope, names)
        Asked(self, node, scope).note()
        return scope

    def _outputs(self, node: exp.Select, scope: Scope, names: Names) -> None:
        grouped = is_grouped(node)
        keys = {unwrapped(k).sql() for k in group_expressions(node, grouped=True)}
        windows = [w for e in node.expressions for w in e.find_all(exp.Window)]
        shared = [{p.sql() for p in w.args.get("partition_by") or ()} for w in windows]
        for item in node.expressions:
            self.subqueries(item, scope, names)
            bare = item.this if isinstance(item, exp.Alias) else item
            if isinstance(bare, exp.Star):
                scope.outputs += (Output("", None, s, grouped) for s in scope.sources)
                continue
            if isinstance(bare, exp.Column) and isinstance(bare.this, exp.Star):
                found = scope.source(name_of(bare.args["table"]))
                if found:
                    scope.outputs.append(Output("", None, found[1], grouped))
                continue
            text = bare.sql()
            fenced = (grouped and text not in keys) or any(text not in s for s in shared)
            fenced = fenced or calls(bare, SET_RETURNING)
            scope.outputs.append(Output(output_name(item), bare, fenced=fenced))

    def dml(self, node: exp.Expr, names: Names) -> Scope:
        """Read an INSERT, UPDATE, DELETE or MERGE."""
        return read_dml(self, node, names)

    def returning(self, node: exp.Expr, scope: Scope, names: Names) -> None:
        """Read RETURNING, and make it the outputs of the statement."""
        clause = node.args.get("returning")
        if clause:
            shown = exp.Select(expressions=[e.copy() for e in clause.expressions])
            self._outputs(shown, scope, names)
            scope.read_outputs()

    def predicate(
        self,
        node: exp.Expr,
        scope: Scope,
        names: Names,
        *,
        kind: JoinKind = "inner",
        restricts: Iterable[Use] | None = None,
    ) -> None:
        """Read a WHERE (or ON) condition. `restricts` names the uses it filters; None: all."""
        self.read(node, scope, names)
        allowed = None if restricts is None else {use.number for use in restricts}
        outer = cast("JoinKind", scope.kind)
        conditions = Conditions(self.prepared, self.uses, scope.first_use, kind, outer)
        for branch in range(scope.branches(node)):
            for fact in conditions.facts(scope.lower(node, branch)):
                if fact.use < scope.first_use and fact.qual:
                    continue
                if fact.clause or allowed is None or fact.use in allowed:
                    self._note(fact, after_join=restricts is None)

    def _note(self, fact: Fact, *, after_join: bool) -> None:
        if fact.clause:
            self.clauses.setdefault(fact.clause)
        elif fact.qual:
            if after_join and fact.use in self.nullable and fact.qual.kind == "is_null":
                self._anti_join(fact.use)
                return
            if not self.uses[fact.use].sampled:  # a sample scan knows no index
                self.uses[fact.use].quals.setdefault(fact.qual)

    def _anti_join(self, use: int) -> None:
        """`LEFT JOIN b … WHERE b.x IS NULL` asks for rows without a partner in b."""
        clauses = list(self.clauses)
        self.clauses.clear()
        for clause in clauses:
            broken = clause.right == use and clause.kind == "left"
            self.clauses.setdefault(replace(clause, kind="anti") if broken else clause)

    def read(self, node: exp.Expr, scope: Scope, names: Names) -> None:
        """Note an expression's columns as read, and read the subqueries in it."""
        scope.read(node)
        self.subqueries(node, scope, names)

    def subqueries(self, node: exp.Expr, scope: Scope, names: Names) -> None:
        """Read the subqueries of an expression as their place demands."""
        for query in list(queries_in(node)):
            first = len(self.uses)
            kind, subject, operator = _place(query, node)
            branches = self.query(query, scope, kind, names)
            for use in self.uses[first:]:
                use.in_subquery = True
            if subject is not None:
                self._semi_join(subject, operator, branches, scope, kind)
            elif not isinstance(query.parent, exp.Exists):
                for inner in branches.scopes:
                    inner.read_outputs()

    def _semi_join(
        self,
        subject: exp.Expr,
        operator: str,
        branches: Branches,
        scope: Scope,
        kind: JoinKind,
    ) -> None:
        """`subject IN (SELECT …)`: join clauses between the subject and the outputs."""
        subjects = subject.expressions if isinstance(subject, exp.Tuple) else [subject]
        for inner in branches.scopes:
            inner.read_outputs()
            conditions = Conditions(self.prepared, self.uses, inner.first_use, kind, kind)
            for one, output in zip(subjects, inner.outputs, strict=False):
                lowered = scope.lower(one)
                if kind == "anti":  # NULLs keep NOT IN from being a join: it is worked out apart
                    facts = conditions.compare(lowered, "NOT IN", exp.Subquery(this=exp.Select()))
                elif output.node is None or output.fenced or branches.fenced:
                    rows = exp.Any(this=exp.Subquery(this=exp.Select()))
                    facts = conditions.compare(lowered, operator, rows)
                else:
                    facts = conditions.compare(lowered, operator, inner.lower(output.node))
                for fact in facts:
                    # A value looked up in a subquery does not filter the subquery's scan.
                    inside = fact.qual and fact.use >= inner.first_use
                    if inside and fact.qual and fact.qual.operand != "column":
                        continue
                    if fact.clause or fact.use >= scope.first_use:
                        self._note(fact, after_join=False)


def _place(query: exp.Query, top: exp.Expr) -> tuple[JoinKind, exp.Expr | None, str]:
    """How a subquery joins its surroundings, what is compared with its rows, and how."""
    holder = query.parent
    while isinstance(holder, (exp.Paren, exp.Subquery)):
        holder = holder.parent
    negated, above = False, holder
    while above is not None and above is not top.parent:
        negated = negated != isinstance(above, exp.Not)
        above = above.parent
    kind: JoinKind = "anti" if negated else "semi"
    if isinstance(holder, exp.Exists):
        return kind, None, ""
    if isinstance(holder, exp.In) and holder.args.get("query") is not None:
        return kind, unwrapped(holder.this), "="
    if isinstance(holder, exp.Any) and isinstance(holder.parent, exp.EQ):
        return kind, unwrapped(holder.parent.this), "="
    return "left", None, ""


def _is_limited(node: exp.Expr) -> bool:
    return bool(node.args.get("limit") or node.args.get("offset"))


def _is_fenced(node: exp.Select) -> bool:
    distinct = node.args.get("distinct")
    return _is_limited(node) or bool(distinct and distinct.args.get("on"))
