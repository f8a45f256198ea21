"""INSERT, UPDATE, DELETE and MERGE: their targets, and what they write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from dbtune.statement.from_clause import Place
from dbtune.statement.model import JoinKind
from dbtune.statement.prepare import NotPrepared
from dbtune.statement.scope import Scope, Source, name_of
from dbtune.statement.use import Use

if TYPE_CHECKING:
    from dbtune.statement.reader import Names, Reader


def read_dml(reader: Reader, node: exp.Expr, names: Names) -> Scope:
    """Read a DML statement; its RETURNING are the outputs of the scope."""
    scope = Scope(None, "left", len(reader.uses))
    at = Place(reader, scope, names)
    table = node.this
    listed = table.expressions if isinstance(table, exp.Schema) else []
    if not isinstance(table, (exp.Schema, exp.Table)):
        raise NotPrepared("the target of this statement is not read")
    target = reader.origin.item(at, table.this if listed else table)[0]
    for use in target.uses():
        use.target = True
    if isinstance(node, exp.Insert):
        written = _insert(at, node, target, [name_of(c) for c in listed])
    elif isinstance(node, exp.Merge):
        source = reader.origin.item(at, node.args["using"])
        _match(at, node, target, source)
        written = _whens(at, node)
    else:
        reader.origin.read_from(at, node)
        for other in node.args.get("using") or ():
            reader.origin.item(at, other)
        if node.args.get("where"):
            reader.predicate(node.args["where"].this, scope, names)
        written = _assignments(at, node.expressions)
    if target.use:
        known = [n for n in written if target.use.relation.column(n)]
        target.use.written.update(dict.fromkeys(known))
    reader.returning(node, scope, names)
    return scope


def _insert(at: Place, node: exp.Insert, target: Source, written: list[str]) -> list[str]:
    reader, source, width = at.reader, node.args.get("expression"), None
    outside = Scope(None, "left", len(reader.uses))
    if isinstance(source, exp.Values):
        reader.rows_per_call = len(source.expressions)
        width = len(source.expressions[0].expressions) if source.expressions else 0
        reader.read(source, outside, at.names)
    elif source is not None:
        for inner in reader.query(source, None, "left", at.names).scopes:
            inner.read_outputs()
            names = inner.output_names()
            width = None if names is None else len(names)
    else:
        reader.rows_per_call = 1
        width = 0
    if not written and target.use:
        written = [column.name for column in target.use.relation.columns][:width]
    conflict = node.args.get("conflict")
    return written if conflict is None else written + _conflict(at, conflict, target)


def _conflict(at: Place, conflict: exp.OnConflict, target: Source) -> list[str]:
    """ON CONFLICT: its target, and the columns that DO UPDATE writes."""
    reader = at.reader
    keys = conflict.args.get("conflict_keys") or ()
    plain = [key.this if isinstance(key, exp.Ordered) else key for key in keys]
    reader.on_conflict = tuple(name_of(k.this) for k in plain if isinstance(k, exp.Column))
    constraint = conflict.args.get("constraint")
    if constraint is not None and target.use:
        known = reader.origin.catalog.constraints_by_relation.get(target.use.relation.name, ())
        match = next((c for c in known if c.name == name_of(constraint)), None)
        reader.on_conflict = match.columns if match else ()
    excluded = Source("excluded", columns=target.column_names() or (), closed=True)
    scope = Scope(None, "left", len(reader.uses), [target, excluded])
    inner = Place(reader, scope, at.names)
    if conflict.args.get("where"):
        inner.read(conflict.args["where"].this)
    return _assignments(inner, conflict.expressions)


def _match(at: Place, node: exp.Merge, target: Source, source: list[Source]) -> None:
    """MERGE … ON: an outer join on the side of which rows without a partner are wanted too."""
    unmatched = [w for w in node.args["whens"].expressions if not w.args.get("matched")]
    by_source = any(w.args.get("source") for w in unmatched)
    by_target = any(not w.args.get("source") for w in unmatched)
    kind: JoinKind = "inner"
    restricts: list[Use] = [*target.uses(), *(use for one in source for use in one.uses())]
    if by_source and by_target:
        kind, restricts = "full", []
    elif by_target:
        kind, restricts = "right", list(target.uses())
    elif by_source:
        kind, restricts = "left", [use for one in source for use in one.uses()]
    at.reader.predicate(node.args["on"], at.scope, at.names, kind=kind, restricts=restricts)


def _whens(at: Place, node: exp.Merge) -> list[str]:
    written: list[str] = []
    for when in node.args["whens"].expressions:
        if when.args.get("condition"):
            at.read(when.args["condition"])
        action = when.args.get("then")
        if isinstance(action, exp.Update):
            written += _assignments(at, action.expressions)
        elif isinstance(action, exp.Insert):
            if action.this is not None:
                written += (name_of(c) for c in action.this.expressions)
            if isinstance(action.expression, exp.Expr):
                at.read(action.expression)
    return written


def _assignments(at: Place, assignments: Iterable[exp.Expr]) -> list[str]:
    """`SET a = 1, (b, c) = (…)`: the columns written; the values are read."""
    written: list[str] = []
    for assignment in assignments:
        if isinstance(assignment, exp.EQ):
            for column in assignment.this.find_all(exp.Column):
                written.append(name_of(column.args["table"] if column.table else column.this))
            at.read(assignment.expression)
    return written
