"""Scopes: what a name means where it stands, down to the base column behind it.

A predicate on a view, CTE or subquery matters to the relations under it. `Scope.lower` rewrites an
expression so that each of its columns names a base relation's column directly; what cannot be
brought down (an aggregate, a limited subquery, a function's result) becomes an outside column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from dbtune.statement.prepare import DISTINCT_MARK, FUNCTION_MARK
from dbtune.statement.use import Use

OUTSIDE = "\x02"
"""Stands as the table of a lowered column that no base relation's scan can use."""

MAX_BRANCHES = 64
"""Branches of a set operation that a predicate is carried into."""

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


@dataclass(frozen=True, slots=True)
class Output:
    """One element of a select list: an expression, or every column of a source."""

    name: str
    node: exp.Expr | None
    star_of: Source | None = None
    fenced: bool = False


@dataclass(slots=True, eq=False)
class Source:
    """Something in FROM: exactly one of a base relation, subqueries, or neither (opaque).

    `branches` are the scopes of a subquery, several for a set operation. A fenced source lets no
    predicate through (LIMIT, DISTINCT ON, a materialized CTE). `columns` are alias columns.
    """

    alias: str
    use: Use | None = None
    branches: tuple[Scope, ...] = ()
    columns: tuple[str, ...] = ()
    fenced: bool = False
    closed: bool = False
    hidden: frozenset[str] = frozenset()

    def column_names(self) -> tuple[str, ...] | None:
        """The names of its columns, or None when they are not known."""
        if self.use:
            names: tuple[str, ...] = tuple(c.name for c in self.use.relation.columns)
        elif self.branches:
            found = self.branches[0].output_names()
            if found is None:
                return self.columns or None
            names = found
        else:
            return self.columns if self.closed else None
        return (*self.columns, *names[len(self.columns) :])

    def has(self, name: str) -> bool | None:
        """Whether a column of this name exists; None: it may."""
        names = self.column_names()
        if names is None:
            return True if name in self.columns else None
        return name in names or (self.use is not None and name in _SYSTEM_COLUMNS)

    def original(self, name: str) -> str:
        """The name that a column had before the alias renamed it."""
        if name in self.columns:
            if self.use:
                return self.use.relation.columns[self.columns.index(name)].name
            names = self.branches[0].output_names() if self.branches else None
            if names and self.columns.index(name) < len(names):
                return names[self.columns.index(name)]
        return name

    def uses(self) -> Iterator[Use]:
        """The base relations below it."""
        if self.use:
            yield self.use
        for branch in self.branches:
            for source in branch.sources:
                yield from source.uses()

    def read_everything(self) -> None:
        """All of its columns are read."""
        if self.use:
            self.use.all_columns = True
            for column in self.use.relation.columns:
                self.use.projected.setdefault(column.name)
        for branch in self.branches:
            branch.read_outputs()


@dataclass(slots=True, eq=False)
class Scope:
    """One SELECT's (or DML statement's) names. `kind` says how it joins the scope around it."""

    parent: Scope | None = None
    kind: str = "left"
    first_use: int = 0
    sources: list[Source] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    merged: dict[str, Source] = field(default_factory=dict)
    ctes: dict[str, Source | exp.CTE] = field(default_factory=dict)

    def output_names(self) -> tuple[str, ...] | None:
        names: list[str] = []
        for output in self.outputs:
            if output.star_of:
                below = output.star_of.column_names()
                if below is None:
                    return None
                names += (n for n in below if n not in output.star_of.hidden)
            else:
                names.append(output.name)
        return tuple(names)

    def find_output(self, name: str) -> Output | None:
        """The output of this name; a star is looked through."""
        for output in self.outputs:
            if output.star_of:
                if output.star_of.has(name):
                    column = exp.column(name, table=output.star_of.alias)
                    return Output(name, column, fenced=output.fenced)
            elif output.name == name:
                return output
        return None

    def read_outputs(self) -> None:
        """All outputs are read."""
        for output in self.outputs:
            if output.star_of:
                output.star_of.read_everything()
            elif output.node is not None:
                self.read(output.node)

    def source(self, alias: str) -> tuple[Scope, Source] | None:
        """The nearest source of this alias, outward."""
        scope: Scope | None = self
        while scope:
            for source in scope.sources:
                if source.alias == alias:
                    return scope, source
            scope = scope.parent
        return None

    def lookup(self, column: exp.Column) -> tuple[Scope, Source] | None:
        """The source that a column reference means, or None when nothing known has it."""
        name = name_of(column.this)
        if column.table:
            found = self.source(name_of(column.args["table"]))
            return found if found and found[1].has(name) is not False else None
        scope: Scope | None = self
        while scope:
            if name in scope.merged:
                return scope, scope.merged[name]
            answers = [(source, source.has(name)) for source in scope.sources]
            known = next((source for source, answer in answers if answer), None)
            if known:
                return scope, known
            if any(answer is None for _, answer in answers):
                return None
            scope = scope.parent
        return None

    def branches(self, node: exp.Expr) -> int:
        """How many set-operation branches the columns of an expression may come from."""
        most = 1
        for column in columns_in(node):
            found = self.lookup(column)
            if found and found[1].branches:
                most = max(most, *(self._depth(b, found[1], column) for b in found[1].branches))
                most = max(most, len(found[1].branches))
        return min(most, MAX_BRANCHES)

    @staticmethod
    def _depth(branch: Scope, source: Source, column: exp.Column) -> int:
        output = branch.find_output(source.original(name_of(column.this)))
        return branch.branches(output.node) if output and output.node is not None else 1

    def lower(self, node: exp.Expr, branch: int = 0) -> exp.Expr:
        """A copy whose columns are `number of use . column`, or of the table OUTSIDE.

        Where a source has several branches, the copy speaks of the one numbered `branch`.
        """
        copied = node.copy()
        for column in list(columns_in(copied)):
            lowered = self._lower_column(column, branch)
            if column is copied:
                return lowered
            column.replace(lowered)
        return copied

    def _lower_column(self, column: exp.Column, branch: int) -> exp.Expr:
        outside = exp.column(exp.to_identifier(column.name or "*"), table=OUTSIDE)
        found = self.lookup(column)
        if found is None or isinstance(column.this, exp.Star):
            return outside
        source, name = found[1], name_of(column.this)
        if source.use:
            original = source.original(name)
            if original in _SYSTEM_COLUMNS or not source.use.relation.column(original):
                return outside
            return exp.column(
                exp.to_identifier(original, quoted=True), table=str(source.use.number)
            )
        if not source.branches or source.fenced:
            return outside
        inner = source.branches[min(branch, len(source.branches) - 1)]
        output = _output_at(source, inner, name)
        if output is None or output.node is None or output.fenced:
            return outside
        lowered = inner.lower(output.node, branch)
        return lowered if isinstance(lowered, exp.Column) else exp.Paren(this=lowered)

    def read(self, node: exp.Expr) -> None:
        """Note every column of an expression as read, down to the base relations."""
        for column in columns_in(node):
            if isinstance(column.this, exp.Star):
                owner = self.source(name_of(column.args["table"])) if column.table else None
                for source in [owner[1]] if owner else [] if column.table else self.sources:
                    source.read_everything()
                continue
            found = self.lookup(column)
            if found is None:
                whole = self.source(name_of(column.this)) if not column.table else None
                if whole:
                    whole[1].read_everything()
                continue
            _read_column(found[1], name_of(column.this))


def _output_at(source: Source, branch: Scope, name: str) -> Output | None:
    """A source's column in one of its branches: by name in the first, by position in others."""
    original = source.original(name)
    if branch is source.branches[0]:
        return branch.find_output(original)
    names, here = source.branches[0].output_names(), branch.output_names()
    if names is None or here is None or original not in names:
        return None
    position = names.index(original)
    return branch.find_output(here[position]) if position < len(here) else None


def _read_column(source: Source, name: str) -> None:
    if source.use:
        original = source.original(name)
        if source.use.relation.column(original):
            source.use.projected.setdefault(original)
    for branch in source.branches:
        output = _output_at(source, branch, name)
        if output and output.node is not None:
            branch.read(output.node)


def name_of(node: object) -> str:
    """An identifier's name, without the mark that preparation put before it."""
    text = node.name if isinstance(node, exp.Expr) else str(node)
    return text.removeprefix(FUNCTION_MARK).removeprefix(DISTINCT_MARK)


def columns_in(node: exp.Expr) -> Iterator[exp.Column]:
    """The columns of an expression, in order, not those of subqueries in it."""
    for found in node.dfs(prune=lambda n: isinstance(n, (exp.Query, exp.Column))):
        if isinstance(found, exp.Column):
            yield found


def queries_in(node: exp.Expr) -> Iterator[exp.Query]:
    """The outermost subqueries of an expression."""
    for found in node.dfs(prune=lambda n: isinstance(n, exp.Query)):
        if isinstance(found, exp.Query):
            yield found
