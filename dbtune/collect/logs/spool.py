"""Logs written anew for the engine, without what it stumbles over, as files of bounded size.

In memory is a block alone, on disk two parts, and damage reaches no further than its part. The
copy is a small share of the work, and is made while the engine reads the part before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dbtune.collect.logs.source import STDIN, blocks_of

_BLOCK_BYTES = 256 << 10
_PART_BYTES = 64 << 20
_LONGEST_LINE_BYTES = 4 << 20
_ENDLESS = b"?\n"
"""Stands for a longer line: no record of any format, harmless within a statement's text."""

_RECORD_START = re.compile(rb"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\{)")


class Part(NamedTuple):
    """A file with whole records of a log, unpacked, in UTF-8."""

    path: Path
    lines: int


def spooled(path: Path, folder: Path) -> Iterator[Part]:
    """A log part by part, each gone when the one after the next comes.

    Bytes that are not UTF-8 are taken for LATIN1 (the server logs in the database's encoding),
    NULs and lines of more than 4 MB are left out.
    """
    parts = _parts(path, folder)
    if path == STDIN:  # it may be silent for long, and Ctrl-C waits for no thread
        yield from parts
        return
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(next, parts, None)
        while part := following.result():
            following = beside.submit(next, parts, None)
            yield part


def decoded(line: bytes) -> str:
    """A line's text: UTF-8, else LATIN1, which any bytes are."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _parts(path: Path, folder: Path) -> Iterator[Part]:
    """One file after another, cut between records, at worst between lines."""
    blocks = map(_mended, _whole_lines(path))
    block, number = next(blocks, b""), 0
    while block:
        number += 1
        part, lines = folder / f"part-{number % 2}.log", 0
        with part.open("wb") as out:
            while block and not (cut := _cut(block, out.tell())):
                lines += block.count(b"\n")
                out.write(block)
                block = next(blocks, b"")
            if block:
                lines += block.count(b"\n", 0, cut)
                out.write(block[:cut])
                block = block[cut:] or next(blocks, b"")
        yield Part(part, lines)


def _whole_lines(path: Path) -> Iterator[bytes]:
    """A file by blocks that end with a line, if the file does."""
    carried = b""
    for block in blocks_of(path, _BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if not end:
            carried = (carried + block)[: _LONGEST_LINE_BYTES + 1]
            continue
        first_end = block.index(b"\n") + 1
        first = carried + block[:first_end]
        yield (_ENDLESS if len(first) > _LONGEST_LINE_BYTES else first) + block[first_end:end]
        carried = block[end:]
    if carried:
        yield _ENDLESS if len(carried) > _LONGEST_LINE_BYTES else carried


def _mended(lines: bytes) -> bytes:
    clean = lines.replace(b"\0", b"")
    try:
        clean.decode()
    except UnicodeDecodeError:
        return "\n".join(map(decoded, clean.split(b"\n"))).encode()
    return clean


def _cut(block: bytes, written_bytes: int) -> int:
    """Where in a block another part begins; 0 if this one goes on."""
    if written_bytes < _PART_BYTES:
        return 0
    starts = [found.start() + 1 for found in _RECORD_START.finditer(block)]
    if not starts and written_bytes >= 2 * _PART_BYTES:
        return block.rfind(b"\n") + 1
    return starts[-1] if starts else 0
