"""Extensions that an index needs: installed, or there for the asking."""

from __future__ import annotations

from dbtune.index import IndexSpec
from dbtune.snapshot.model import Snapshot


def has_extension(snapshot: Snapshot, name: str) -> bool:
    """True if the extension is installed, or CREATE EXTENSION would find it."""
    return name in snapshot.installable_extensions or name in _installed(snapshot)


def extensions_to_create(spec: IndexSpec, snapshot: Snapshot) -> tuple[str, ...]:
    """What must be created before the index."""
    installed = _installed(snapshot)
    return tuple(name for name in spec.extensions if name not in installed)


def _installed(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(extension.name for extension in snapshot.extensions)
