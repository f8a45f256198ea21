"""Queries and DML → relation uses: FROM, WHERE, ORDER BY and the rest, scope by scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from sqlglot import exp

from dbtune.statement.condition import Conditions, Fact
from dbtune.statement.dml import read_dml
from dbtune.statement.expression import render, unwrapped
from dbtune.statement.from_clause import From, Place
from dbtune.statement.model import JoinClause, JoinKind, SortKey
from dbtune.statement.prepare import NotPrepared, Prepared
from dbtune.statement.scope import (
    OUTSIDE,
    Output,
    Scope,
    Source,
    Use,
    columns_in,
    name_of,
    queries_in,
)

MAX_QUERIES = 5000
"""Queries read in one statement: WITH queries that use each other twice double at each step."""

AGGREGATES = frozenset(
    """
    count sum avg min max array_agg string_agg json_agg jsonb_agg json_object_agg
    jsonb_object_agg bool_and bool_or every bit_and bit_or bit_xor stddev stddev_pop
    stddev_samp variance var_pop var_samp corr xmlagg range_agg any_value
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)
SET_RETURNING = frozenset(
    """
    unnest generate_series generate_subscripts jsonb_array_elements
    jsonb_array_elements_text json_array_elements json_array_elements_text jsonb_each
    jsonb_each_text json_each jsonb_object_keys json_object_keys regexp_split_to_table
    regexp_matches string_to_table jsonb_path_query random gen_random_uuid nextval
    clock_timestamp
    """.split()  # noqa: SIM905 - one word a line would fill the screen
)


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
        _Asked(self, node, scope).note()
        return scope

    def _outputs(self, node: exp.Select, scope: Scope, names: Names) -> None:
        grouped = is_grouped(node)
        keys = {unwrapped(k).sql() for k in _group_expressions(node, grouped=True)}
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
            scope.outputs.append(Output(_output_name(item), bare, fenced=fenced))

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
                    if fact.clause or fact.use >= scope.first_use:
                        self._note(fact, after_join=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a SELECT asks beyond conditions: order, groups, distinctness, limit, locks."""

    reader: Reader
    node: exp.Select
    scope: Scope

    def note(self) -> None:
        grouped = is_grouped(self.node)
        self._group()
        self._distinct()
        for part in ("having", "limit", "offset"):
            if self.node.args.get(part):
                self.scope.read(self.node.args[part])
        sole = None if grouped else self._sole_use()
        self._sort(grouped=grouped)
        if sole and not self.node.args.get("distinct") and not self._has_windows():
            sole.limit = _limit(self.node) if sole.limit is None else sole.limit
            sole.has_offset = sole.has_offset or bool(self.node.args.get("offset"))
        for lock in self.node.args.get("locks") or ():
            wanted = {name_of(table.this) for table in lock.expressions}
            for source in self.scope.sources:
                if not wanted or source.alias in wanted:
                    for use in source.uses():
                        use.locking = True

    def _has_windows(self) -> bool:
        return any(e.find(exp.Window) for e in self.node.expressions)

    def _sole_use(self) -> Use | None:
        """The use that the whole FROM comes down to, if it is one."""
        sources = self.scope.sources
        while len(sources) == 1:
            source = sources[0]
            if source.use:
                return source.use
            if source.fenced or len(source.branches) != 1:
                return None
            if any(output.fenced for output in source.branches[0].outputs):
                return None
            sources = source.branches[0].sources
        return None

    def _resolved(self, node: exp.Expr, *, input_first: bool) -> exp.Expr | None:
        """An ORDER BY or GROUP BY element: a position, an output's name, or an expression."""
        bare = unwrapped(node)
        if isinstance(bare, exp.Literal) and not bare.is_string:
            at = int(bare.name) - 1 if bare.name.isdigit() else -1
            if any(o.star_of for o in self.scope.outputs) or not 0 <= at < len(self.scope.outputs):
                return None
            return self.scope.outputs[at].node
        if isinstance(bare, exp.Column) and not bare.table:
            named = [o for o in self.scope.outputs if o.name == name_of(bare.this) and o.node]
            if named and not (input_first and self.scope.lookup(bare)):
                return named[0].node
        return node

    def _sort(self, *, grouped: bool) -> None:
        order = self.node.args.get("order")
        if not order:
            return
        keys: list[tuple[int, SortKey]] = []
        usable = not grouped
        for item in order.expressions:
            node = self._resolved(item.this, input_first=False)
            if node is None:
                usable = False
                continue
            self.scope.read(node)
            key = self._sort_key(node, item) if usable and self.scope.branches(node) == 1 else None
            usable = usable and key is not None and (not keys or keys[0][0] == key[0])
            if key and usable:
                keys.append(key)
        if keys and keys[0][0] >= self.scope.first_use:
            self.reader.uses[keys[0][0]].sort_keys = tuple(key for _, key in keys)

    def _sort_key(self, node: exp.Expr, item: exp.Ordered) -> tuple[int, SortKey] | None:
        lowered = unwrapped(self.scope.lower(node))
        tables = {c.table for c in columns_in(lowered)}
        if len(tables) != 1 or OUTSIDE in tables or next(queries_in(lowered), None) is not None:
            return None
        descending = bool(item.args.get("desc"))
        nulls_first = bool(item.args.get("nulls_first"))
        column = lowered.name if isinstance(lowered, exp.Column) else None
        expression = None if column else render(lowered, self.reader.prepared)
        return int(tables.pop()), SortKey(column, expression, descending, nulls_first)

    def _group(self) -> None:
        plain = set(map(id, _group_expressions(self.node, grouped=False)))
        keys: dict[int, list[str]] = {}
        for item in _group_expressions(self.node, grouped=True):
            node = self._resolved(item, input_first=True)
            if node is None:
                continue
            self.scope.read(node)
            lowered = unwrapped(self.scope.lower(node))
            if isinstance(lowered, exp.Column) and lowered.table != OUTSIDE and id(item) in plain:
                keys.setdefault(int(lowered.table), []).append(lowered.name)
        for use, columns in keys.items():
            if use >= self.scope.first_use:
                self.reader.uses[use].group_keys = tuple(dict.fromkeys(columns))

    def _distinct(self) -> None:
        distinct = self.node.args.get("distinct")
        if not distinct:
            return
        on = distinct.args.get("on")
        nodes = [o.node for o in self.scope.outputs]
        if on is not None:
            items = on.expressions if isinstance(on, exp.Tuple) else [on]
            nodes = [self._resolved(unwrapped(i), input_first=False) for i in items]
        else:
            self.scope.read_outputs()
        lowered = [unwrapped(self.scope.lower(n)) for n in nodes if n is not None]
        for node in nodes:
            if node is not None:
                self.scope.read(node)
        tables = {n.table if isinstance(n, exp.Column) else OUTSIDE for n in lowered}
        if len(lowered) == len(nodes) and len(tables) == 1 and OUTSIDE not in tables:
            use = int(tables.pop())
            if use >= self.scope.first_use:
                self.reader.uses[use].distinct_keys = tuple(n.name for n in lowered)


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


def is_grouped(node: exp.Select) -> bool:
    """True if the SELECT aggregates."""
    if node.args.get("group") or node.args.get("having"):
        return True
    return any(calls(item, AGGREGATES, over_window=False) for item in node.expressions)


def calls(node: exp.Expr, functions: frozenset[str], *, over_window: bool = True) -> bool:
    """True if the expression, subqueries apart, calls one of these functions."""
    for found in node.dfs(prune=lambda n: isinstance(n, exp.Query)):
        if isinstance(found, exp.Anonymous) and name_of(found.this) in functions:
            holder = found.parent
            while isinstance(holder, (exp.Filter, exp.WithinGroup, exp.Dot)):
                holder = holder.parent
            if over_window or not isinstance(holder, exp.Window):
                return True
    return False


def _group_expressions(node: exp.Select, *, grouped: bool) -> list[exp.Expr]:
    """The elements of GROUP BY; with `grouped`, those inside grouping sets too."""
    group = node.args.get("group")
    if not group:
        return []
    found = list(group.expressions)
    if grouped:
        for part in ("grouping_sets", "rollup", "cube"):
            for item in group.args.get(part) or ():
                if isinstance(item, exp.Expr):
                    found += columns_in(item)
    return found


def _is_limited(node: exp.Expr) -> bool:
    return bool(node.args.get("limit") or node.args.get("offset"))


def _is_fenced(node: exp.Select) -> bool:
    distinct = node.args.get("distinct")
    return _is_limited(node) or bool(distinct and distinct.args.get("on"))


def _limit(node: exp.Select) -> int | None:
    """The number of rows that LIMIT or FETCH lets through, -1 when a parameter says it."""
    clause = node.args.get("limit")
    if clause is None:
        return None
    if isinstance(clause, exp.Fetch):
        count = clause.args.get("count")
        if count is None:
            return 1
    else:
        count = clause.expression
    count = unwrapped(count)
    if isinstance(count, exp.Literal) and count.name.isdigit():
        return int(count.name)
    if isinstance(count, exp.Null) or count.name.lower() == "all":
        return None
    return -1


def _output_name(item: exp.Expr) -> str:
    """The name that PostgreSQL gives to an element of a select list."""
    if isinstance(item, exp.Alias):
        return name_of(item.args["alias"])
    if isinstance(item, exp.Cast):
        inner = _output_name(unwrapped(item.this))
        return inner if inner != "?column?" else item.to.sql(dialect="postgres").lower()
    if isinstance(item, (exp.Column, exp.Anonymous)):
        return name_of(item.this)
    if isinstance(item, exp.Dot):
        return _output_name(item.expression)
    if isinstance(item, (exp.Filter, exp.Window)):
        return _output_name(item.this)
    known = {"identifier": item.name, "case": "case", "coalesce": "coalesce"}
    return known.get(item.key, "?column?")
