"""What can be read as SQL in migrations written in Python, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from dbtune.errors import BadInput
from dbtune.gate.migrations._script import Script, read_text, script
from dbtune.twin.rehearsal import ScriptStatement


def tree_of(file: Path) -> ast.Module:
    """The file's syntax tree.

    Raises:
        BadInput: it is no Python.
    """
    try:
        return ast.parse(read_text(file))
    except SyntaxError as error:
        raise BadInput(f"The migration {file} is not Python: {error}.") from error


def called(node: ast.expr) -> str:
    """The dotted name of what is called: "op.execute"; "" where it is no plain name."""
    if isinstance(node, ast.Attribute):
        before = called(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.expr | None) -> str | None:
    """The string that an expression is, also inside `text("…")`; None where it is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Call) and called(node.func).rpartition(".")[2] == "text" and node.args:
        return text_of(node.args[0])
    return None


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """An argument by position or keyword."""
    if position < len(call.args):
        return call.args[position]
    return next((k.value for k in call.keywords if k.arg == name), None)


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def statements(
    sql: str, call: ast.Call, shown: str, *, in_transaction: bool
) -> Iterator[ScriptStatement]:
    """The statements of SQL found at a call."""
    yield from script(sql, shown, in_transaction=in_transaction, first_line=call.lineno).statements


def unread(shown: str, found: list[ScriptStatement], others: list[str], remedy: str) -> Script:
    """The script, saying which operations are not among its statements."""
    if not others:
        return Script(shown, tuple(found))
    names = ", ".join(sorted(set(others)))
    return Script(shown, tuple(found), f"{names} cannot be read as SQL", remedy)
