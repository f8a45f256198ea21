"""Extensions that an index needs: installed, or there for the asking."""

from __future__ import annotations

from dbtune.snapshot.model import Snapshot


def has_extension(snapshot: Snapshot, name: str) -> bool:
    """True if the extension is installed, or CREATE EXTENSION would find it."""
    return name in snapshot.installable_extensions or is_installed(snapshot, name)


def is_installed(snapshot: Snapshot, name: str) -> bool:
    return any(extension.name == name for extension in snapshot.extensions)
