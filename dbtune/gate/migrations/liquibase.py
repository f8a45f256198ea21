"""Liquibase's formatted SQL: change sets in one file, each in a transaction of its own."""

from __future__ import annotations

import re
from pathlib import Path

from dbtune.gate.migrations._files import any_holds, in_order
from dbtune.gate.migrations._script import Script, read_text, script

_HEAD = r"\A\s*--\s*liquibase\s+formatted\s+sql"
_CHANGE_SET = re.compile(r"(?im)^--\s*changeset\b.*$")
_ALONE = re.compile(r"(?i)runInTransaction:\s*\"?false")


def recognises(folder: Path) -> bool:
    return any_holds(folder, "*.sql", f"(?i){_HEAD}")


def files(folder: Path) -> list[Path]:
    return in_order(folder, "*.sql")


def read(file: Path, shown: str) -> Script:
    text = read_text(file)
    marks = list(_CHANGE_SET.finditer(text))
    ends = [*(m.start() for m in marks[1:]), len(text)]
    parts = (
        script(
            text[mark.end() : end],
            shown,
            in_transaction=_ALONE.search(mark.group()) is None,
            first_line=1 + text.count("\n", 0, mark.end()),
        )
        for mark, end in zip(marks, ends, strict=True)
    )
    return Script(shown, tuple(s for part in parts for s in part.statements))
