"""What the engine reads: a log file as it is, or pieces of bounded size written for it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from dbtune.collect.logs.prefix import guess_pattern, line_pattern
from dbtune.collect.logs.source import STDIN, Source, blocks_of, lines_of, sniff, sources
from dbtune.collect.logs.stderr import Records

_PIECE_BYTES = 64 << 20
_SEARCHED_BYTES = 1 << 20
_LONGEST_LINE_BYTES = 4 << 20
_RECORDS_PER_PIECE = 500_000
_HEAD_LINES = 500
_RECORD_START = re.compile(rb"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\{)")

# One JSON object a line around each line of a text log: containers, Google Cloud, CloudWatch.
_WRAPPED_IN = ("textPayload", "log", "message")


class Counts:
    """Lines met so far, and what a text log lacked."""

    def __init__(self) -> None:
        self.lines = 0
        self.damaged = 0
        self.has_no_session = False


def pieces(path: Path, folder: Path, line_prefix: str | None, counts: Counts) -> Iterator[Source]:
    """What the engine can read of one path that the user named.

    Raises:
        BadInput: the file cannot be read.
    """
    if path == STDIN:
        for piece in _spooled(blocks_of(STDIN, _PIECE_BYTES), folder / "input.log"):
            yield from _readable(piece, folder, line_prefix, counts)
        return
    for source in sources([path]):
        yield from _readable(source, folder, line_prefix, counts)


def mended(source: Source, folder: Path, counts: Counts) -> Iterator[Source]:
    """A csvlog or jsonlog again without what the engine stumbles over.

    Bytes that are not UTF-8 are taken for LATIN1 (the server logs in the database's encoding),
    NULs and endless lines are left out.
    """

    def blocks() -> Iterator[bytes]:
        for block in blocks_of(source.path, _PIECE_BYTES):
            yield block if _is_clean(block) else _clean(block, counts)

    for piece in _spooled(blocks(), folder / "mended.log"):
        yield replace(source, path=piece.path, packed=False, is_mended=True)


def line_count(path: Path) -> int:
    """Lines of a file, unpacked."""
    import numpy as np  # noqa: PLC0415 - counts three times as fast as bytes do

    newline = ord("\n")
    return sum(
        int(np.count_nonzero(np.frombuffer(block, np.uint8) == newline))
        for block in blocks_of(path)
    )


def decoded(line: bytes) -> str:
    """A line's text: UTF-8, else LATIN1, which any bytes are."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def is_clean(source: Source) -> bool:
    """False if mending a file would help the engine to read more of it."""
    return all(map(_is_clean, blocks_of(source.path, _PIECE_BYTES)))


def _is_clean(block: bytes) -> bool:
    if b"\0" in block or max(map(len, block.split(b"\n"))) > _LONGEST_LINE_BYTES:
        return False
    try:
        block.decode()
    except UnicodeDecodeError as error:
        return error.end == len(block)  # a character that the block's end cuts in two
    return True


def _clean(block: bytes, counts: Counts) -> bytes:
    kept = []
    for line in block.splitlines(keepends=True):
        if len(line) > _LONGEST_LINE_BYTES:
            counts.damaged += 1
        else:
            kept.append(decoded(line.replace(b"\0", b"")).encode())
    return b"".join(kept)


def _readable(
    source: Source, folder: Path, line_prefix: str | None, counts: Counts
) -> Iterator[Source]:
    if source.format != "stderr":
        yield source
        return
    lines = (decoded(line).rstrip("\r\n") for line in lines_of(source.path))
    head = list(islice(lines, _HEAD_LINES))
    unwrap = _unwrapping(head)
    head = list(map(unwrap, head))
    records = Records(line_pattern(line_prefix) if line_prefix else guess_pattern(head))
    rows = (record.row() for record in records.read(chain(head, map(unwrap, lines))))
    for first in rows:
        converted = folder / "records.csv"
        with converted.open("w", newline="", encoding="utf-8", errors="replace") as out:
            piece = chain((first,), islice(rows, _RECORDS_PER_PIECE))
            csv.writer(out).writerows(piece)
        yield Source(converted, "stderr", packed=False)
    counts.lines += records.lines
    counts.damaged += records.damaged_lines
    counts.has_no_session |= records.has_no_session


def _unwrapping(head: Iterable[str]) -> Callable[[str], str]:
    """What takes the server's line out of the JSON that a log shipper put around it."""
    for line in head:
        for key in _WRAPPED_IN:
            if line.startswith("{") and isinstance(_member(line, key), str):
                return lambda wrapped: (_member(wrapped, key) or wrapped).rstrip("\r\n")
    return lambda line: line


def _member(line: str, key: str) -> str | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _spooled(blocks: Iterable[bytes], spool: Path) -> Iterator[Source]:
    """A stream as files of bounded size, cut between records; each is gone when the next comes."""
    carried = b""
    for block in blocks:
        whole = carried + block
        ends = [
            found.start() + 1
            for found in _RECORD_START.finditer(whole, max(0, len(whole) - _SEARCHED_BYTES))
        ]
        cut = ends[-1] if ends else len(whole)
        carried = whole[cut:]
        spool.write_bytes(whole[:cut])
        yield sniff(spool)
    if carried:
        spool.write_bytes(carried)
        yield sniff(spool)
    spool.unlink(missing_ok=True)
