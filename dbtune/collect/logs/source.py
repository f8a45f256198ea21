"""Log files as DuckDB can read them: which format, packed or not, standard input and folders."""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from dbtune.errors import BadInput

LogFormat = Literal["csvlog", "jsonlog", "stderr"]

STDIN = Path("-")
_SNIFFED_BYTES = 1 << 16
_CSV_START = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,]+,")


@dataclass(frozen=True, slots=True)
class Source:
    """One log file and how to read it. `width` is the number of csvlog columns, else 0."""

    path: Path
    format: LogFormat
    packed: bool
    width: int = 0


def sources(paths: Sequence[Path]) -> tuple[Source, ...]:
    """The files that the user named, folders opened, oldest first within a folder.

    Raises:
        BadInput: a file is missing, unreadable or empty.
    """
    found = tuple(sniff(path) for path in _files(paths))
    if not found:
        named = ", ".join(str(path) for path in paths)
        raise BadInput(f"No log files in {named}.", "Name the files that the server wrote.")
    return found


def sniff(path: Path) -> Source:
    """What kind of log a file is, by its first records."""
    head, packed = _head(path)
    for line in head.splitlines():
        if _CSV_START.match(line):
            width = _csv_width(head[head.index(line) :])
            if width >= 23:
                return Source(path, "csvlog", packed, width)
            break
        if line.startswith(b"{") and b'"timestamp"' in line:
            return Source(path, "jsonlog", packed)
    return Source(path, "stderr", packed)


def open_bytes(path: Path) -> IO[bytes]:
    """A log file's bytes, unpacked; `-` is standard input."""
    if path == STDIN:
        return sys.stdin.buffer
    if _is_packed(path):
        return gzip.open(path, "rb")  # type: ignore[return-value]  # GzipFile reads as IO[bytes]
    return path.open("rb")


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path != STDIN and path.is_dir():
            inside = [p for p in path.iterdir() if p.is_file()]
            yield from sorted(inside, key=lambda p: (p.stat().st_mtime, p.name))
        else:
            yield path


def _head(path: Path) -> tuple[bytes, bool]:
    try:
        packed = _is_packed(path)
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except (OSError, EOFError) as error:
        raise BadInput(
            f"The log file {path} cannot be read: {error}.", "Check its name and permissions."
        ) from error
    return head, packed


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _csv_width(head: bytes) -> int:
    """Columns of the first whole record: 23 before 13, 24 in 13, 26 since 14."""
    text = head.decode(errors="replace").splitlines(keepends=True)
    return max((len(row) for row in list(csv.reader(text))[:5]), default=0)
