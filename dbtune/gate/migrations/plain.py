"""A folder of SQL files, run in the order of their names as psql runs them."""

from __future__ import annotations

from pathlib import Path

from dbtune.gate.migrations._files import in_order, leads_back
from dbtune.gate.migrations._script import Script, read_text, script


def recognises(folder: Path) -> bool:
    return bool(files(folder))


def files(folder: Path) -> list[Path]:
    return [f for f in in_order(folder, "**/*.sql") if not leads_back(f)]


def read(file: Path, shown: str) -> Script:
    return script(read_text(file), shown, in_transaction=False)
