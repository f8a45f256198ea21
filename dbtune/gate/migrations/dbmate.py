"""dbmate: `-- migrate:up` and `-- migrate:down` in one file."""

from __future__ import annotations

from pathlib import Path

from dbtune.gate.migrations._files import any_holds, in_order
from dbtune.gate.migrations._marked import upward
from dbtune.gate.migrations._script import Script

_UP, _DOWN = r"^--\s*migrate:up\b", r"^--\s*migrate:down\b"


def recognises(folder: Path) -> bool:
    return any_holds(folder, "*.sql", _UP)


def files(folder: Path) -> list[Path]:
    return in_order(folder, "*.sql")


def read(file: Path, shown: str) -> Script:
    return upward(file, shown, up=_UP, down=_DOWN, alone=_UP + r".*transaction:false")
