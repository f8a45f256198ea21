"""FROM and JOIN → sources of a scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Constraint, Relation
from dbtune.statement.model import JoinKind
from dbtune.statement.prepare import NotPrepared, prepare
from dbtune.statement.scope import Output, Scope, Source, name_of
from dbtune.statement.use import Use

if TYPE_CHECKING:
    from dbtune.statement.reader import Names, Reader


class Catalog(Protocol):
    """What parsing needs to know of a database; a Snapshot is one."""

    @property
    def constraints_by_relation(self) -> Mapping[QualifiedName, tuple[Constraint, ...]]: ...

    @property
    def relation_by_name(self) -> Mapping[QualifiedName, Relation]: ...

    @property
    def search_path(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is read: by whom, in which scope, under which WITH names."""

    reader: Reader
    scope: Scope
    names: Names

    def read(self, node: exp.Expr) -> None:
        """Note an expression's columns as read, and read the subqueries in it."""
        self.reader.read(node, self.scope, self.names)


@dataclass(slots=True)
class From:
    """Makes sources, and keeps account of every table reference that it has seen."""

    catalog: Catalog
    search_path: Sequence[str]
    unresolved: dict[str, None] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    _open_views: list[QualifiedName] = field(default_factory=list)

    def read_from(self, at: Place, node: exp.Expr) -> None:
        """The FROM clause of a SELECT, UPDATE or other, with all its joins."""
        clause = node.args.get("from_")
        if clause is None:
            return
        group = self.item(at, clause.this)
        self._joins(at, node, group)

    def _joins(self, at: Place, holder: exp.Expr, group: list[Source]) -> None:
        for lateral in holder.args.get("laterals") or ():
            self.item(at, lateral)
        for join in holder.args.get("joins") or ():
            if not any(join.args.get(k) for k in ("side", "kind", "method", "on", "using")):
                group = self.item(at, join.this)
            else:
                group = self._join(at, join, group)

    def _join(self, at: Place, join: exp.Join, left: list[Source]) -> list[Source]:
        side = str(join.args.get("side") or "").upper()
        right = self.item(at, join.this, optional=side in ("LEFT", "FULL"))
        kind: JoinKind = "inner"
        restricts: Iterable[Use] | None = None
        if side == "LEFT":
            kind, restricts = "left", _uses(right)
            at.reader.nullable.update(use.number for use in _uses(right))
        elif side == "RIGHT":
            kind, restricts = "right", _uses(left)
            at.reader.nullable.update(use.number for use in _uses(left))
        elif side == "FULL":
            kind, restricts = "full", ()
            at.reader.nullable.update(use.number for use in (*_uses(left), *_uses(right)))
        # ON sees the two sides of its join, not what else stands in FROM.
        sides = replace(at, scope=replace(at.scope, sources=[*left, *right], outputs=[]))
        for name in self._shared_columns(join, left, right):
            self._merge(sides, name, left, right, kind=kind, restricts=restricts)
        if join.args.get("on"):
            at.reader.predicate(
                join.args["on"], sides.scope, at.names, kind=kind, restricts=restricts
            )
        return [*left, *right]

    @staticmethod
    def _shared_columns(
        join: exp.Join, left: Sequence[Source], right: Sequence[Source]
    ) -> tuple[str, ...]:
        """The columns of USING, or those that NATURAL finds on both sides."""
        if join.args.get("using"):
            return tuple(name_of(column) for column in join.args["using"])
        if str(join.args.get("method") or "").upper() != "NATURAL":
            return ()
        there = {n for source in right for n in source.column_names() or ()}
        here = [n for source in left for n in source.column_names() or ()]
        return tuple(dict.fromkeys(n for n in here if n in there))

    @staticmethod
    def _merge(
        at: Place,
        name: str,
        left: Sequence[Source],
        right: Sequence[Source],
        *,
        kind: JoinKind,
        restricts: Iterable[Use] | None,
    ) -> None:
        """One column of USING: a join clause, and one output instead of two."""
        one = next((s for s in left if s.has(name)), None)
        two = next((s for s in right if s.has(name)), None)
        if one is None or two is None:
            return
        equal = exp.EQ(
            this=exp.column(name, table=one.alias), expression=exp.column(name, table=two.alias)
        )
        at.reader.predicate(equal, at.scope, at.names, kind=kind, restricts=restricts)
        at.scope.merged[name] = two if kind == "right" else one
        hidden = one if kind == "right" else two
        hidden.hidden = hidden.hidden | {name}

    def item(self, at: Place, node: exp.Expr, *, optional: bool = False) -> list[Source]:
        """One element of FROM, with the joins that hang on it."""
        alias = node.args.get("alias")
        label = name_of(alias.this) if alias is not None and alias.this else ""
        columns = _alias_columns(alias)
        if isinstance(node, exp.Table):
            sources = [self._table(at, node, label, columns)]
        elif isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query):
            sources = self._joined(at, node, label, columns)
        elif isinstance(node, (exp.Subquery, exp.Lateral)) and isinstance(node.this, exp.Query):
            lateral = isinstance(node, exp.Lateral)
            around = at.scope if lateral else at.scope.parent
            kind: JoinKind = "left" if optional or not lateral else "inner"
            inner = node.this if lateral else node
            branches = at.reader.query(inner, around, kind, at.names)
            sources = [Source(label, None, branches.scopes, columns, branches.fenced)]
        else:
            sources = [self._opaque(at, node, label, columns)]
        if not (isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query) and label):
            at.scope.sources += (s for s in sources if s not in at.scope.sources)
        self._joins(at, node, sources)
        return sources

    def _joined(
        self, at: Place, node: exp.Subquery, label: str, columns: tuple[str, ...]
    ) -> list[Source]:
        """`(a JOIN b …)`, perhaps with an alias of its own."""
        if not label:
            before = len(at.scope.sources)
            self.item(at, node.this)
            return at.scope.sources[before:]
        inner = Scope(at.scope, "inner", len(at.reader.uses))
        self.item(replace(at, scope=inner), node.this)
        inner.outputs += (Output("", None, source) for source in inner.sources)
        joined = Source(label, None, (inner,), columns)
        at.scope.sources.append(joined)
        return [joined]

    def _opaque(self, at: Place, node: exp.Expr, label: str, columns: tuple[str, ...]) -> Source:
        """A function, VALUES or other source without a relation under it."""
        for key, value in node.args.items():
            if key not in ("alias", "joins", "laterals", "rows_from", "sample"):
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, exp.Expr):
                        at.read(part)
        for function in node.args.get("rows_from") or ():
            self.seen.add(id(function))
            if not isinstance(function.this, exp.Expr):
                raise NotPrepared("ROWS FROM takes functions")
            at.read(function.this)
        if isinstance(node, exp.Values) and not columns and node.expressions:
            columns = tuple(f"column{n + 1}" for n in range(len(node.expressions[0].expressions)))
        return Source(label, columns=columns, closed=bool(columns))

    def _table(self, at: Place, node: exp.Table, label: str, columns: tuple[str, ...]) -> Source:
        self.seen.add(id(node))
        if not isinstance(node.this, exp.Identifier):
            function = node.this if isinstance(node.this, exp.Expr) else None
            named = label or (name_of(function.this) if function and function.this else "")
            return self._opaque(at, node, named, columns)
        name = name_of(node.this)
        label = label or name
        if not node.db and name in at.names:
            return self._with_query(at, name, label, columns)
        relation = self.resolve(name, name_of(node.args["db"]) if node.db else None)
        if relation is None:
            self.unresolved.setdefault(f"{node.db}.{name}" if node.db else name)
            return Source(label, columns=columns)
        if relation.kind == "v":
            return self._view(at.reader, relation, label, columns)
        sampled = node.args.get("sample") is not None
        use = Use(len(at.reader.uses), relation, label, sampled=sampled)
        at.reader.uses.append(use)
        return Source(label, use, columns=columns)

    @staticmethod
    def _with_query(at: Place, name: str, label: str, columns: tuple[str, ...]) -> Source:
        known = at.names[name]
        if isinstance(known, Source):
            return Source(label, None, known.branches, columns or known.columns, fenced=True)
        branches = at.reader.query(known.node.this, at.scope.parent, "left", known.names)
        own = tuple(name_of(c) for c in known.node.args["alias"].args.get("columns") or ())
        return Source(label, None, branches.scopes, columns or own, branches.fenced)

    def resolve(self, name: str, schema: str | None) -> Relation | None:
        """The relation that a name means under this statement's search path."""
        for candidate in (schema,) if schema else self.search_path or self.catalog.search_path:
            found = self.catalog.relation_by_name.get(QualifiedName(candidate, name))
            if found:
                return found
        return None

    def _view(
        self, reader: Reader, relation: Relation, label: str, columns: tuple[str, ...]
    ) -> Source:
        """A view as the query that it is; one that cannot be read is told as unresolved."""
        own = tuple(column.name for column in relation.columns)
        named = (*columns, *own[len(columns) :])
        if relation.name not in self._open_views and relation.definition:
            try:
                prepared = prepare(relation.definition, reader.prepared)
                tree = sqlglot.parse_one(prepared.sql, dialect="postgres")
            except (NotPrepared, SqlglotError):
                tree = None
            if isinstance(tree, exp.Query):
                reader.prepared = prepared
                self._open_views.append(relation.name)
                branches = reader.query(tree, None, "left", {})
                self._open_views.pop()
                return Source(label, None, branches.scopes, named, branches.fenced)
        self.unresolved.setdefault(str(relation.name))
        return Source(label, columns=named, closed=True)


def _uses(sources: Sequence[Source]) -> list[Use]:
    return [use for source in sources for use in source.uses()]


def _alias_columns(alias: exp.Expr | None) -> tuple[str, ...]:
    if alias is None:
        return ()
    listed = alias.args.get("columns") or ()
    return tuple(name_of(c.this if isinstance(c, exp.ColumnDef) else c) for c in listed)
