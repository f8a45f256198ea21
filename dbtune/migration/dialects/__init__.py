"""A migration in the words of a framework: one file per dialect, found by file name.

Each module has `render(migration)`, which returns the files to add to the application, by path.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from dbtune.errors import BadInput
from dbtune.migration.model import Migration


def dialect_names() -> tuple[str, ...]:
    """The names of all dialects, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def require_dialect(name: str) -> None:
    """Refuse a dialect that does not exist.

    Raises:
        BadInput: with the names of those that do.
    """
    if name not in dialect_names():
        raise BadInput(
            f"There is no migration dialect {name!r}.",
            f"Choose one of {', '.join(dialect_names())}.",
        )


def render(migration: Migration, dialect: str) -> Mapping[str, str]:
    """The files of a migration in a dialect, by their path.

    Raises:
        BadInput: there is no such dialect.
    """
    require_dialect(dialect)
    files: Mapping[str, str] = importlib.import_module(f"{__name__}.{dialect}").render(migration)
    return files
