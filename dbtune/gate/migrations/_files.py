"""Names and orders of migration files."""

from __future__ import annotations

import re
from pathlib import Path

_BACKWARD = re.compile(r"(?:^|[._-])(?:down|rollback|undo|revert|verify)(?:[._-]|$)", re.IGNORECASE)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key by which 9 comes before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)


def in_order(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder that match, in natural order."""
    return sorted((f for f in folder.glob(pattern) if f.is_file()), key=lambda f: natural(f.name))


def leads_back(file: Path) -> bool:
    """True for the file that takes a migration back."""
    return bool(_BACKWARD.search(file.stem)) or file.parent.name in {"down", "revert", "verify"}


def any_holds(folder: Path, pattern: str, mark: str) -> bool:
    """True if a file of the folder that matches `pattern` has text that matches `mark`."""
    wanted = re.compile(mark, re.MULTILINE)
    return any(
        wanted.search(file.read_text(encoding="utf-8", errors="replace"))
        for file in folder.glob(pattern)
        if file.is_file()
    )
