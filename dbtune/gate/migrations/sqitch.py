"""Sqitch: deploy/NAME.sql in the order of sqitch.plan."""

from __future__ import annotations

from pathlib import Path

from dbtune.gate.migrations._script import Script, read_text, script

_PLAN = "sqitch.plan"


def recognises(folder: Path) -> bool:
    return (folder / _PLAN).is_file()


def files(folder: Path) -> list[Path]:
    names = (_change(line) for line in read_text(folder / _PLAN).splitlines())
    deployed = dict.fromkeys(folder / "deploy" / f"{name}.sql" for name in names if name)
    return [file for file in deployed if file.is_file()]


def read(file: Path, shown: str) -> Script:
    return script(read_text(file), shown, in_transaction=False)


def _change(line: str) -> str:
    """The change that a line of the plan names; pragmas, tags and comments name none."""
    words = line.split()
    return words[0] if words and words[0][0] not in "%@#" else ""
