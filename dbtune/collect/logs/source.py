"""Log files as they lie there: which format, packed or not, standard input and folders."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from dbtune.errors import BadInput

LogFormat = Literal["csvlog", "jsonlog", "stderr"]

STDIN = Path("-")
_SNIFFED_BYTES = 1 << 16
_LONGEST_RECORD_BYTES = 1 << 24
_BLOCK_BYTES = 1 << 18
_CSV_START = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,\s]+,", re.MULTILINE)
_CSV_FIELD = re.compile(rb'(?:"(?:[^"]|"")*"|[^,"\r\n]*)(,|\r?\n)')
_RECORDS_TRIED = 20
_LEAST_WIDTH = 23
_PACKED_OTHERWISE = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zX": "xz"}


@dataclass(frozen=True, slots=True)
class Source:
    """One log file and how to read it. `width` is the number of csvlog columns, else 0.

    `is_mended` says that we wrote it ourselves, from one that the engine could not read.
    """

    path: Path
    format: LogFormat
    packed: bool
    width: int = 0
    is_mended: bool = False


def sources(paths: Sequence[Path]) -> tuple[Source, ...]:
    """The files that the user named, folders opened, oldest first within a folder.

    Raises:
        BadInput: a file is missing, unreadable or packed in a way we cannot read.
    """
    found = tuple(sniff(path) for path in _files(paths))
    if not found:
        named = ", ".join(str(path) for path in paths)
        raise BadInput(f"No log files in {named}.", "Name the files that the server wrote.")
    return found


def sniff(path: Path) -> Source:
    """What kind of log a file is, by its first records.

    Raises:
        BadInput: it cannot be read.
    """
    head, packed = _head(path, _SNIFFED_BYTES)
    if _CSV_START.search(head):
        width = _csv_width(head)
        if not width and len(head) >= _SNIFFED_BYTES:  # the first record may be a long one
            width = _csv_width(_head(path, _LONGEST_RECORD_BYTES)[0])
        if width:
            return Source(path, "csvlog", packed, width)
    for line in head.splitlines():
        if line.startswith(b"{") and b'"timestamp"' in line and b'"error_severity"' in line:
            return Source(path, "jsonlog", packed)
    return Source(path, "stderr", packed)


def blocks_of(path: Path, size: int = _BLOCK_BYTES) -> Iterator[bytes]:
    """A log file's bytes, unpacked, as far as they can be read; `-` is standard input."""
    with _open_bytes(path) as file:
        while True:
            try:
                block = file.read(size)
            except (EOFError, zlib.error, gzip.BadGzipFile):  # cut short, or damaged
                return
            if not block:
                return
            yield block


def lines_of(path: Path) -> Iterator[bytes]:
    """A log file's lines with their ends."""
    carried = b""
    for block in blocks_of(path):
        *lines, carried = (carried + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if carried:
        yield carried


def _open_bytes(path: Path) -> IO[bytes]:
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


def _head(path: Path, size: int) -> tuple[bytes, bool]:
    try:
        head = b"".join(_first_blocks(path, size))
        packed = _is_packed(path)
    except OSError as error:
        raise BadInput(
            f"The log file {path} cannot be read: {error.strerror or error}.",
            "Check its name and permissions.",
        ) from error
    for magic, name in _PACKED_OTHERWISE.items():
        if head.startswith(magic):
            raise BadInput(
                f"The log file {path} is packed with {name}, of which dbtune knows nothing.",
                f"Unpack it into a pipe: {name} -dc {path} | dbtune analyze --logs -",
            )
    return head, packed


def _first_blocks(path: Path, size: int) -> Iterator[bytes]:
    for block in blocks_of(path):
        yield block[:size]
        size -= len(block)
        if size <= 0:
            return


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _csv_width(head: bytes) -> int:
    """Columns of the first whole record: 23 before 13, 24 in 13, 26 since 14; 0 if none is whole.

    A file can begin, after a rotation or a copy, in the middle of a record.
    """
    for tried, start in enumerate(_CSV_START.finditer(head)):
        if tried == _RECORDS_TRIED:
            break
        width, at = 0, start.start()
        while field := _CSV_FIELD.match(head, at):
            width, at = width + 1, field.end()
            if field[1] != b",":
                if width >= _LEAST_WIDTH:
                    return width
                break
    return 0
