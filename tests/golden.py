"""Golden files: what the program printed when somebody last read it and agreed.

`make golden` rewrites them; a file that no test asks for fails `test_no_orphans` of its folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def agrees_with_golden(config: pytest.Config, name: str, text: str) -> bool:
    """True if `text` is what tests/golden/`name` holds; with --golden, write it there first."""
    path = GOLDEN / name
    if config.getoption("--golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.is_file() and path.read_text(encoding="utf-8") == text


def golden_files(folder: str) -> set[str]:
    """The names of the files in a folder below tests/golden."""
    return {f"{folder}/{path.name}" for path in (GOLDEN / folder).iterdir()}
