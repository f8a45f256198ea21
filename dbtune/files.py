"""Write a file whole or not at all: a temporary file beside it, then a rename."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dbtune.errors import BadInput


def write_file(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write `content` (text as UTF-8) to `path`; a `private` file only its owner may read.

    Raises:
        BadInput: the file cannot be written.
    """
    if path.exists() and not path.is_file():
        _write_into(path, content)
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        if not private:
            Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_into(path: Path, content: str | bytes) -> None:
    """Write to a device or pipe: a rename would put a file in the place of /dev/null itself."""
    try:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> BadInput:
    """The error for a file or folder that cannot be made."""
    reason = error.strerror or str(error)
    return BadInput(f"Cannot write {path}: {reason}.", "Name another place with --out.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
