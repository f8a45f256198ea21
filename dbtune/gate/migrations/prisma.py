"""Prisma: one folder a migration, with migration.sql in it; a file is sent at once."""

from __future__ import annotations

from pathlib import Path

from dbtune.gate.migrations._files import natural
from dbtune.gate.migrations._script import Script, read_text, script, together


def recognises(folder: Path) -> bool:
    return bool(files(folder))


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/migration.sql"), key=lambda f: natural(f.parent.name))


def read(file: Path, shown: str) -> Script:
    return together(script(read_text(file), shown, in_transaction=False))
