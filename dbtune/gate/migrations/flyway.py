"""Flyway: V1.2__name.sql by version, then the repeatable R__name.sql; U undoes."""

from __future__ import annotations

import re
from pathlib import Path

from dbtune.gate.migrations._files import in_order, natural
from dbtune.gate.migrations._script import Script, read_text, script, together

_VERSIONED = re.compile(r"V(?P<version>\d[\d._]*?)__.*\.sql\Z")


def recognises(folder: Path) -> bool:
    return any(_VERSIONED.match(f.name) for f in folder.glob("**/V*__*.sql"))


def files(folder: Path) -> list[Path]:
    versioned = {f: m for f in folder.glob("**/V*__*.sql") if (m := _VERSIONED.match(f.name))}
    return [
        *sorted(versioned, key=lambda f: _version(versioned[f]["version"])),
        *sorted(in_order(folder, "**/R__*.sql"), key=lambda f: natural(f.name)),
    ]


def read(file: Path, shown: str) -> Script:
    """Flyway opens a transaction, except around a file of which no statement could be in one."""
    made = script(read_text(file), shown, in_transaction=False)
    concurrent = [bool(re.search(r"(?i)\bconcurrently\b", s.text)) for s in made.statements]
    return made if concurrent and all(concurrent) else together(made)


def _version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
