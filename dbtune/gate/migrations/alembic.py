"""Alembic: versions/*.py in the order of down_revision, read without being run.

Understood are op.execute with a text, op.create_index, op.drop_index, op.drop_column and
op.drop_table; the rest wants `alembic upgrade --sql`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from dbtune.gate.migrations._files import any_holds, natural
from dbtune.gate.migrations._python import (
    argument,
    called,
    is_true,
    statements,
    text_of,
    tree_of,
    unread,
)
from dbtune.gate.migrations._script import Script
from dbtune.identifier import quote_identifier
from dbtune.twin.rehearsal import ScriptStatement

_REMEDY = "Pipe the SQL in: alembic upgrade FROM:TO --sql | dbtune check --migrations -"
_MARK = r"^down_revision\b"
_UNDERSTOOD = frozenset(
    {"index_name", "table_name", "columns", "unique", "if_not_exists", "postgresql_concurrently"}
)


def recognises(folder: Path) -> bool:
    return any_holds(folder, "*.py", _MARK) or any_holds(folder, "versions/*.py", _MARK)


def files(folder: Path) -> list[Path]:
    found = sorted([*folder.glob("*.py"), *folder.glob("versions/*.py")], key=lambda f: f.name)
    links = {file: _revisions(tree_of(file)) for file in found}
    by_revision = {own: file for file, (own, _) in links.items() if own}
    ordered: dict[Path, None] = {}

    def visit(file: Path) -> None:
        waiting = [file]
        while waiting:
            current = waiting[-1]
            before = [by_revision[r] for r in links[current][1] if r in by_revision]
            missing = [f for f in before if f not in ordered and f not in waiting]
            waiting.extend(missing)
            if not missing:
                ordered.setdefault(waiting.pop())

    for file in sorted(by_revision.values(), key=lambda f: natural(f.name)):
        visit(file)
    return list(ordered)


def read(file: Path, shown: str) -> Script:
    tree = tree_of(file)
    upgrade = next(
        (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade"), None
    )
    found: list[ScriptStatement] = []
    others: list[str] = []
    alone = "autocommit_block" in ast.dump(tree)
    for call in _operations(upgrade):
        sql = _sql(call)
        if sql is None:
            others.append(called(call.func))
        else:
            found += statements(sql, call, shown, in_transaction=not alone)
    return unread(shown, found, others, _REMEDY)


def _operations(upgrade: ast.FunctionDef | None) -> Iterator[ast.Call]:
    nodes = ast.walk(upgrade) if upgrade else iter(())
    calls = (n for n in nodes if isinstance(n, ast.Call) and called(n.func).startswith("op."))
    ignored = {"op.f", "op.get_bind", "op.get_context"}
    yield from sorted(
        (c for c in calls if called(c.func) not in ignored and "autocommit" not in ast.dump(c)),
        key=lambda c: (c.lineno, c.col_offset),
    )


def _sql(call: ast.Call) -> str | None:
    """The operation as SQL; None where it cannot be told without running it."""
    operation = called(call.func)
    if operation == "op.execute":
        return text_of(argument(call, 0, "sqltext"))
    if operation == "op.create_index":
        return _create_index(call)
    if operation == "op.drop_index":
        name = _name(argument(call, 0, "index_name"))
        return f"DROP INDEX {_concurrently(call)}{quote_identifier(name)}" if name else None
    table = _name(argument(call, 0, "table_name"))
    if operation == "op.drop_table" and table:
        return f"DROP TABLE {quote_identifier(table)}"
    column = _name(argument(call, 1, "column_name"))
    if operation == "op.drop_column" and table and column:
        return f"ALTER TABLE {quote_identifier(table)} DROP COLUMN {quote_identifier(column)}"
    return None


def _create_index(call: ast.Call) -> str | None:
    name = _name(argument(call, 0, "index_name"))
    table = _name(argument(call, 1, "table_name"))
    columns = argument(call, 2, "columns")
    if name is None or table is None or not isinstance(columns, ast.List):
        return None
    keys = [e.value for e in columns.elts if isinstance(e, ast.Constant)]
    if len(keys) < len(columns.elts) or any(k.arg not in _UNDERSTOOD for k in call.keywords):
        return None
    unique = "UNIQUE " if is_true(argument(call, 9, "unique")) else ""
    body = f"{quote_identifier(table)} ({', '.join(quote_identifier(str(k)) for k in keys)})"
    return f"CREATE {unique}INDEX {_concurrently(call)}{quote_identifier(name)} ON {body}"


def _concurrently(call: ast.Call) -> str:
    return "CONCURRENTLY " if is_true(argument(call, 9, "postgresql_concurrently")) else ""


def _name(node: ast.expr | None) -> str | None:
    """A name, also inside op.f("…")."""
    if isinstance(node, ast.Call) and called(node.func) == "op.f" and node.args:
        return text_of(node.args[0])
    return text_of(node)


def _revisions(tree: ast.Module) -> tuple[str, tuple[str, ...]]:
    """The file's own revision and those before it."""
    values: dict[str, tuple[str, ...]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            values[ast.unparse(target)] = tuple(t for p in parts if (t := text_of(p)))
    own = values.get("revision", ())
    return (own[0] if own else "", values.get("down_revision", ()))
