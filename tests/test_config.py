"""Settings: where they come from, which wins, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtune.config import Setting, load_settings
from dbtune.errors import BadInput


def values(settings: tuple[Setting, ...]) -> dict[tuple[str | None, str], object]:
    return {(s.command, s.option): s.value for s in settings}


def test_a_setting_of_one_command_and_of_all(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dbtune]\nmin-calls = 5\n[tool.dbtune.analyze]\nselect = ["unused-index"]\n'
    )
    assert values(load_settings(tmp_path, {})) == {
        (None, "min_calls"): 5,
        ("analyze", "select"): ["unused-index"],
    }


def test_files_above_are_found_and_the_environment_comes_last(tmp_path: Path) -> None:
    (tmp_path / "dbtune.toml").write_text("top = 3\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings = load_settings(below, {"DBTUNE_TOP": "7", "OTHER": "x"})
    assert [(s.option, s.value) for s in settings] == [("top", 3), ("top", "7")]


def test_broken_toml_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "dbtune.toml").write_text("top = = 3\n")
    with pytest.raises(BadInput, match=r"dbtune\.toml"):
        load_settings(tmp_path, {})
