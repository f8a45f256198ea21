"""What the engine reads of log files: as they are, or pieces of bounded size, written for it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from dbtune.collect.logs.prefix import guess_pattern, line_pattern
from dbtune.collect.logs.source import STDIN, Source, is_packed, lines_of, sniff, sources
from dbtune.collect.logs.spool import decoded, spooled
from dbtune.collect.logs.stderr import Records

_RECORDS_PER_PIECE = 500_000
_HEAD_LINES = 500

# One JSON object a line around each line of a text log: containers, Google Cloud, CloudWatch.
_WRAPPED_IN = ("textPayload", "log", "message")


class Counts:
    """Lines met so far, and what a text log lacked."""

    def __init__(self) -> None:
        self.lines = 0
        self.damaged = 0
        self.has_no_session = False


def pieces(path: Path, folder: Path, line_prefix: str | None, counts: Counts) -> Iterator[Source]:
    """What the engine can read of one path that the user named: files as they are, or ours.

    Raises:
        BadInput: the file cannot be read.
    """
    if path == STDIN:
        yield from parts(None, folder, line_prefix, counts)
        return
    for source in sources([path]):
        if source.format == "stderr":
            yield from _records(source.path, folder, line_prefix, counts)
        elif is_packed(source.path):
            yield from parts(source, folder, line_prefix, counts)
        else:
            yield source


def parts(
    source: Source | None, folder: Path, line_prefix: str | None, counts: Counts
) -> Iterator[Source]:
    """A file, or standard input, written anew without what the engine stumbles over."""
    for part in spooled(source.path if source else STDIN, folder):
        found = source or sniff(part.path)
        if found.format == "stderr":
            yield from _records(part.path, folder, line_prefix, counts)
        else:
            counts.lines += part.lines
            yield replace(found, path=part.path, is_ours=True, lines=part.lines)


def _records(path: Path, folder: Path, line_prefix: str | None, counts: Counts) -> Iterator[Source]:
    """The records of a text log, as CSV."""
    lines = (decoded(line).rstrip("\r\n") for line in lines_of(path))
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
        yield Source(converted, "stderr", is_ours=True)
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
