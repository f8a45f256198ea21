"""What a SELECT asks beyond conditions: order, groups, distinctness, limit, locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from dbtune.statement.expression import operator_of, render, unwrapped
from dbtune.statement.model import SortKey
from dbtune.statement.prepare import Prepared
from dbtune.statement.scope import OUTSIDE, Scope, columns_in, name_of, queries_in
from dbtune.statement.select_list import DISTANCES, group_expressions, in_order, is_grouped
from dbtune.statement.use import Use

if TYPE_CHECKING:
    from dbtune.statement.reader import Reader


@dataclass(frozen=True, slots=True)
class Asked:
    """What a SELECT asks beyond conditions, told to the uses that it concerns."""

    reader: Reader
    node: exp.Select
    scope: Scope

    def note(self) -> None:
        grouped = is_grouped(self.node)
        self._group()
        self._distinct()
        self._extremes()
        self._window()
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
        near = None if column else _near(lowered, self.reader.prepared)
        return int(tables.pop()), SortKey(column, expression, descending, nulls_first, near)

    def _extremes(self) -> None:
        """Columns that an aggregate wants the ends of, or in order."""
        keys: dict[int, dict[str, None]] = {}
        for item in self.node.expressions:
            for node in in_order(item):
                lowered = unwrapped(self.scope.lower(node))
                if isinstance(lowered, exp.Column) and lowered.table != OUTSIDE:
                    keys.setdefault(int(lowered.table), {})[lowered.name] = None
        for use, columns in keys.items():
            if use >= self.scope.first_use:
                self.reader.uses[use].extreme_keys = tuple(columns)

    def _window(self) -> None:
        """The partition and order of the first window, if they are of one relation."""
        windows = [w for e in self.node.expressions for w in e.find_all(exp.Window)]
        for window in (*windows, *(self.node.args.get("windows") or ())):
            order = window.args.get("order")
            items = [exp.Ordered(this=p) for p in window.args.get("partition_by") or ()]
            items += order.expressions if order else []
            found = [self._sort_key(item.this, item) for item in items]
            keys = [key for key in found if key]
            if keys and len(keys) == len(items) and len({use for use, _ in keys}) == 1:
                use = keys[0][0]
                if use >= self.scope.first_use:
                    self.reader.uses[use].window_keys = tuple(key for _, key in keys)
                return

    def _group(self) -> None:
        plain = set(map(id, group_expressions(self.node, grouped=False)))
        keys: dict[int, list[str]] = {}
        for item in group_expressions(self.node, grouped=True):
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


def _near(node: exp.Expr, prepared: Prepared) -> str | None:
    """The column of a distance between a column and a value."""
    if not isinstance(node, exp.Operator) or operator_of(node, prepared) not in DISTANCES:
        return None
    sides = unwrapped(node.this), unwrapped(node.expression)
    columns = [side.name for side in sides if isinstance(side, exp.Column)]
    return columns[0] if len(columns) == 1 else None


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
