"""Extensions that an index needs: installed, or there for the asking."""

from __future__ import annotations

from dbtune.snapshot.catalog import Column
from dbtune.snapshot.model import Snapshot


def has_extension(snapshot: Snapshot, name: str) -> bool:
    """True if the extension is installed, or CREATE EXTENSION would find it."""
    return name in snapshot.installable_extensions or is_installed(snapshot, name)


def is_installed(snapshot: Snapshot, name: str) -> bool:
    return any(extension.name == name for extension in snapshot.extensions)


def has_trigrams(snapshot: Snapshot, column: Column, *, bare: bool) -> bool:
    """True if pg_trgm can index the column, or (not bare) the text that an expression makes of it.

    It takes no character(n): only the cast to text is one.
    """
    return has_extension(snapshot, "pg_trgm") and not (
        bare and column.type.startswith("character(")
    )
