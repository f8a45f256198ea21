"""golang-migrate: NUMBER_name.up.sql and NUMBER_name.down.sql; a file is sent at once."""

from __future__ import annotations

from pathlib import Path

from dbtune.gate.migrations._files import in_order
from dbtune.gate.migrations._script import Script, read_text, script, together


def recognises(folder: Path) -> bool:
    return bool(files(folder))


def files(folder: Path) -> list[Path]:
    return in_order(folder, "*.up.sql")


def read(file: Path, shown: str) -> Script:
    return together(script(read_text(file), shown, in_transaction=False))
