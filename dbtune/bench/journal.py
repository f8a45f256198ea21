"""What must be undone if a benchmark on somebody's database does not end as planned.

The journal is written before the change is applied and removed when the database is as it is
wanted. Whoever finds one can restore the database: `dbtune bench --restore FILE --on DSN`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import Connection

from dbtune.bench.change import Change
from dbtune.bench.switch import indexes_of
from dbtune.errors import BadInput, ServerFailed
from dbtune.files import write_file

SCHEMA = 1

_CREATED = re.compile(
    r"create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?(.*?)\s*\bon\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Journal:
    """The state before the change: index definitions by name, and the scripts up and down."""

    database: str
    indexes: dict[str, str]
    up: tuple[str, ...]
    down: tuple[str, ...]
    schema: int = SCHEMA


def open_journal(connection: Connection[Any], change: Change, path: Path) -> Journal:
    """Write down what is there now.

    Raises:
        BadInput: the file cannot be written, or another journal is there: a database that nobody
            restored yet.
    """
    if path.exists():
        raise BadInput(
            f"{path} is the journal of a benchmark that did not end.",
            f"Restore that database first: dbtune bench --restore {path} --on DSN",
        )
    indexes = {i.name: i.definition for i in indexes_of(connection)}
    journal = Journal(connection.info.dbname, indexes, change.up, change.down)
    write_file(path, msgspec.json.format(msgspec.json.encode(journal)) + b"\n", private=True)
    return journal


def extend_journal(journal: Journal, up: Sequence[str], path: Path) -> Journal:
    """Write down more statements of the change before they run."""
    longer = replace(journal, up=(*journal.up, *up))
    write_file(path, msgspec.json.format(msgspec.json.encode(longer)) + b"\n", private=True)
    return longer


def read_journal(path: Path) -> Journal:
    """The journal in a file.

    Raises:
        BadInput: no such file, or not a journal.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Journal)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"{path} is not a readable journal of dbtune bench: {error}.") from error


def restore(connection: Connection[Any], journal: Journal) -> tuple[str, ...]:
    """Bring the database back; running it twice does no harm. Returns the statements that ran.

    Raises:
        BadInput: it is another database.
        ServerFailed: the server refuses a statement; the message names it.
    """
    if connection.info.dbname != journal.database:
        raise BadInput(
            f"The journal is of the database {journal.database}, this is {connection.info.dbname}."
        )
    done = []
    if not Change(journal.up).is_switchable:
        done += [_run(connection, text) for text in journal.down]
    now = indexes_of(connection)
    for index in now:
        if index.name not in journal.indexes and _was_created(journal, index.name):
            done.append(_run(connection, f"DROP INDEX IF EXISTS {index.name}"))
    present = {i.name for i in indexes_of(connection)}
    for name, definition in journal.indexes.items():
        if name not in present:
            done.append(_run(connection, definition))
    return tuple(done)


def _was_created(journal: Journal, name: str) -> bool:
    """True if the change made the index, and not somebody else meanwhile."""
    for text in journal.up:
        found = _CREATED.match(text)
        if found and (not found[1] or _last_part(found[1]) == _last_part(name)):
            return True
    return False


def _last_part(name: str) -> str:
    """The object's name without its schema, as the catalog has it."""
    parts = re.findall(r'"(?:[^"]|"")+"|[^.\s"]+', name)
    last = parts[-1] if parts else ""
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()


def _run(connection: Connection[Any], text: str) -> str:
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        said = str(error).strip().splitlines()[0]
        raise ServerFailed(f"Not restored, the server refuses: {text}: {said}.") from error
    return text
