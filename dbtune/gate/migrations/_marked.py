"""Files that hold both ways between comment marks, as dbmate, goose and sql-migrate have it."""

from __future__ import annotations

import re
from pathlib import Path

from dbtune.gate.migrations._script import Script, read_text, script


def upward(file: Path, shown: str, *, up: str, down: str, alone: str) -> Script:
    """The part of a file after the mark `up` and before `down`.

    Args:
        file: the migration.
        shown: its name in reports.
        up: pattern of the mark's line.
        down: pattern of the line that ends the part.
        alone: pattern of the line which says that no transaction is to be opened.
    """
    text = read_text(file)
    begin = re.search(f"(?im){up}.*$", text)
    if begin is None:
        return Script(file=shown, statements=())
    end = re.compile(f"(?im){down}").search(text, begin.end())
    part = text[begin.end() : end.start() if end else len(text)]
    return script(
        part,
        shown,
        in_transaction=re.search(f"(?im){alone}", text) is None,
        first_line=1 + text.count("\n", 0, begin.end()),
    )
