"""Write a file whole or not at all: a temporary file beside it, then a rename."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from dbtune.errors import BadInput


def write_file(
    path: Path, content: str | bytes, *, private: bool = False, option: str = "--out"
) -> None:
    """Write `content` (text as UTF-8) to `path`; a `private` file only its owner may read.

    Raises:
        BadInput: the file cannot be written; `option` is what names another.
    """
    try:
        _write(path, content, private=private)
    except OSError as error:
        raise unwritable(path, error, option) from error


def _write(path: Path, content: str | bytes, *, private: bool) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    if path.exists() and not path.is_file():
        # A device or pipe: a rename would put a file in the place of /dev/null itself.
        path.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if not private:
            Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def require_folder(folder: Path, option: str = "--out") -> None:
    """Refuse a folder that could not be made or written, before the work that goes into it.

    Raises:
        BadInput: nothing can be made there; `option` is what names another.
    """
    _require(folder, next(p for p in (folder, *folder.absolute().parents) if p.exists()), option)


def require_file(path: Path, option: str = "--out") -> None:
    """Refuse a file that could not be written, before the work that goes into it.

    Raises:
        BadInput: it cannot be made; `option` is what names another.
    """
    if path.is_dir():
        raise unwritable(path, OSError(errno.EISDIR, os.strerror(errno.EISDIR)), option)
    if not path.exists() or path.is_file():
        _require(path, path.absolute().parent, option)


def _require(path: Path, folder: Path, option: str) -> None:
    """`path` can be made if `folder` is one and takes files."""
    reason = 0
    if not folder.is_dir():
        reason = errno.ENOTDIR if folder.exists() else errno.ENOENT
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = errno.EACCES
    if reason:
        raise unwritable(path, OSError(reason, os.strerror(reason)), option)


def unwritable(path: Path, error: OSError, option: str = "--out") -> BadInput:
    """The error for a file or folder that cannot be made; `option` is what names another."""
    reason = error.strerror or str(error)
    return BadInput(f"Cannot write {path}: {reason}.", f"Name another place with {option}.")


def why_unread(error: OSError | UnicodeDecodeError) -> str:
    """Why a text file cannot be read, for a sentence that names it already."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return error.strerror or str(error)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
