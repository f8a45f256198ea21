"""The files that lie beside the package in a checkout and inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def rules_dir() -> Path:
    """The folder of the rules that ship with dbtune."""
    return _shipped("rules", _PACKAGE.parent / "rules")


def templates_dir() -> Path:
    """The folder of the report templates that ship with dbtune."""
    return _shipped("templates", _PACKAGE.parent / "reports" / "templates")


def _shipped(name: str, checkout: Path) -> Path:
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else checkout
