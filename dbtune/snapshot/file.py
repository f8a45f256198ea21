"""A snapshot as one file: gzip-compressed JSON, the same bytes for the same snapshot."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import msgspec

from dbtune.errors import BadInput
from dbtune.files import write_file
from dbtune.snapshot.model import SNAPSHOT_SCHEMA, Snapshot

SUFFIX = ".dbtune"

_GZIP_MAGIC = b"\x1f\x8b"


class _Head(msgspec.Struct):
    """What can be read of a snapshot of any schema."""

    schema: int
    dbtune_version: str


def write_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot; only its owner may read the file, since it may hold values of rows.

    Raises:
        BadInput: the file cannot be written.
    """
    write_file(path, to_bytes(snapshot), private=True)


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        BadInput: the file is missing, unreadable, no snapshot, damaged, or of a newer schema.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"Cannot read the snapshot {path}: {error.strerror or error}.",
            "Take one with: dbtune snapshot TARGET -o FILE",
        ) from error
    return from_bytes(content, str(path))


def looks_like_snapshot(path: Path) -> bool:
    """True if a path names a file that may be a snapshot, and not a connection string."""
    try:
        with path.open("rb") as file:
            return file.read(2) == _GZIP_MAGIC or path.suffix == SUFFIX
    except OSError:
        return False


def to_bytes(snapshot: Snapshot) -> bytes:
    """The content of a snapshot's file."""
    return gzip.compress(msgspec.json.encode(snapshot, order="deterministic"), 6, mtime=0)


def from_bytes(content: bytes, name: str) -> Snapshot:
    """The snapshot in a file's content; `name` stands in errors.

    Raises:
        BadInput: as for `read_snapshot`.
    """
    if not content.startswith(_GZIP_MAGIC):
        raise BadInput(
            f"{name} is not a snapshot of dbtune.",
            "Take one with: dbtune snapshot TARGET -o FILE",
        )
    try:
        text = gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(
            f"The snapshot {name} is truncated or damaged: {error}.",
            "Copy it again, or take a new one with: dbtune snapshot TARGET -o FILE",
        ) from error
    _require_known_schema(text, name)
    try:
        return msgspec.json.decode(text, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The snapshot {name} is damaged: {error}.",
            "Take a new one with: dbtune snapshot TARGET -o FILE",
        ) from error


def _require_known_schema(text: bytes, name: str) -> None:
    try:
        head = msgspec.json.decode(text, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{name} is compressed, but not a snapshot of dbtune: {error}.",
            "Take one with: dbtune snapshot TARGET -o FILE",
        ) from error
    if head.schema > SNAPSHOT_SCHEMA:
        raise BadInput(
            f"The snapshot {name} has schema {head.schema}; this dbtune reads up to "
            f"{SNAPSHOT_SCHEMA}. It was written by dbtune {head.dbtune_version}.",
            f"Run: pip install --upgrade 'dbtune>={head.dbtune_version}'",
        )
