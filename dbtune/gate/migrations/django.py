"""Django: migrations/0001_name.py, read without being run; RunSQL is understood."""

from __future__ import annotations

import ast
from pathlib import Path

from dbtune.gate.migrations._files import any_holds, in_order
from dbtune.gate.migrations._python import (
    argument,
    called,
    statements,
    text_of,
    tree_of,
    unread,
)
from dbtune.gate.migrations._script import Script
from dbtune.twin.rehearsal import ScriptStatement

_WITHOUT_SQL = frozenset({"RunPython", "SeparateDatabaseAndState"})


def recognises(folder: Path) -> bool:
    return any_holds(folder, "*.py", r"^class Migration\(migrations\.Migration\)")


def files(folder: Path) -> list[Path]:
    return [f for f in in_order(folder, "*.py") if f.name[0].isdecimal()]


def read(file: Path, shown: str) -> Script:
    tree = tree_of(file)
    atomic = not any(
        isinstance(n, ast.Assign) and ast.unparse(n) == "atomic = False" for n in ast.walk(tree)
    )
    found: list[ScriptStatement] = []
    others: list[str] = []
    for call in _operations(tree):
        kind = called(call.func).rpartition(".")[2]
        sql = text_of(argument(call, 0, "sql")) if kind == "RunSQL" else None
        if sql is not None:
            found += statements(sql, call, shown, in_transaction=atomic)
        elif kind not in _WITHOUT_SQL:
            others.append(kind)
    app, name = file.parent.parent.name, file.stem
    remedy = (
        f"Pipe the SQL in: python manage.py sqlmigrate {app} {name} | dbtune check --migrations -"
    )
    return unread(shown, found, others, remedy)


def _operations(tree: ast.Module) -> list[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "operations":
            elements = node.value.elts if isinstance(node.value, ast.List) else []
            return [e for e in elements if isinstance(e, ast.Call)]
    return []
