"""csvlogs of many kinds, written without a server: what a reader tuned to one log may trip over."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

_START_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: who, when (ms of the day), and what the server says."""

    session: int
    at_ms: float
    message: str
    transaction: str = "3/0"
    detail: str = ""
    severity: str = "LOG"
    sqlstate: str = "00000"


def literals(choice: Random, at: int) -> Iterator[Line]:
    """No statement text stands twice: every one has literals of its own."""
    text = (
        f"SELECT o.id, o.total FROM orders o WHERE o.customer = {choice.randrange(10**9)}"
        f" AND o.note <> 'it''s {choice.getrandbits(64):x}' AND o.at > '2026-01-{at % 28 + 1:02}'"
        f" AND o.state IN ({', '.join(str(choice.randrange(99)) for _ in range(at % 9 + 1))})"
    )
    yield Line(at % 20, at * 2.0, f"duration: 0.412 ms  statement: {text}")


def parameters(choice: Random, at: int) -> Iterator[Line]:
    """The extended protocol: parse, bind and execute, values in the detail."""
    text = "SELECT id, name FROM customer WHERE id = $1 AND state = $2"
    detail = f"Parameters: $1 = '{choice.randrange(10**6)}', $2 = 'open'"
    place = f"4/{at}"
    for word, ms in (("parse", 0.1), ("bind", 0.08), ("execute", 0.02)):
        shown = detail if word != "parse" else ""
        message = f"duration: {ms:.3f} ms  {word} S_{at % 7}: {text}"
        yield Line(at % 20, at * 2.0, message, place, shown)


def sessions(choice: Random, at: int) -> Iterator[Line]:
    """A connection for every few statements: hundreds of thousands of sessions."""
    yield Line(
        at // 5, at * 2.0,
        f"duration: 0.2 ms  statement: SELECT * FROM basket WHERE id = {choice.randrange(10**6)}",
    )  # fmt: skip


def endless(choice: Random, at: int) -> Iterator[Line]:
    """One session that never ends and never pauses."""
    number = choice.randrange(10**6)
    text = f"SELECT 1 FROM t{at % 40} WHERE a = {number}"
    yield Line(1, at * 0.5, f"duration: 0.2 ms  statement: {text}")


def long(choice: Random, at: int) -> Iterator[Line]:
    """Every hundredth statement is 100 KB long."""
    if at % 100:
        yield from literals(choice, at)
        return
    values = ", ".join(f"({choice.randrange(10**6)}, 'name {n}')" for n in range(4_500))
    yield Line(at % 20, at * 2.0, f"duration: 9.1 ms  statement: INSERT INTO part VALUES {values}")


def errors(choice: Random, at: int) -> Iterator[Line]:
    """Nine of ten entries are errors of clients."""
    if at % 10 == 0:
        yield from literals(choice, at)
        return
    message = f'duplicate key value violates unique constraint "part_{at % 50}_key"'
    yield Line(at % 20, at * 2.0, message, "5/7", f"Key (id)=({at}) exists.", "ERROR", "23505")


def names(choice: Random, at: int) -> Iterator[Line]:
    """Every tenth statement names a relation of its own: texts that are no shapes."""
    if at % 10:
        yield from literals(choice, at)
        return
    yield Line(at % 20, at * 2.0, f"duration: 1.2 ms  statement: CREATE TEMP TABLE t{at}x (id int)")


KINDS: tuple[Callable[[Random, int], Iterator[Line]], ...] = (
    literals, parameters, sessions, endless, long, errors, names,
)  # fmt: skip


def write_log(
    path: Path, kind: Callable[[Random, int], Iterator[Line]], records: int, max_bytes: int
) -> Path:
    """A csvlog of PostgreSQL 18 with about so many records, or bytes if they are sooner reached."""
    choice = Random(7)
    numbers: dict[int, int] = {}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        written = at = 0
        while written < records and file.tell() < max_bytes:
            for line in kind(choice, at):
                numbers[line.session] = numbers.get(line.session, 0) + 1
                writer.writerow(_row(line, numbers[line.session]))
                written += 1
            at += 1
    return path


def _row(line: Line, number: int) -> list[object]:
    ms = int(line.at_ms) + _START_MS
    day, rest = divmod(ms, 86_400_000)
    clock = (
        f"{rest // 3_600_000:02}:{rest // 60_000 % 60:02}:{rest // 1000 % 60:02}.{rest % 1000:03}"
    )
    at = f"2026-03-{day + 1:02} {clock} UTC"
    session = f"66a0{line.session:04x}.{line.session:x}"
    return [
        at, "app", "shop", 100 + line.session, "127.0.0.1:1", session, number, "SELECT", at,
        line.transaction, 0, line.severity, line.sqlstate, line.message, line.detail,
        *[""] * 7, "web", "client backend", "", 0,
    ]  # fmt: skip
