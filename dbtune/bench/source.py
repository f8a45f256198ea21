"""Where a benchmark's statements and change come from, besides the database itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dbtune.bench.change import Change, read_change
from dbtune.bench.sent import SentStatement
from dbtune.bench.task import Task
from dbtune.errors import BadInput
from dbtune.files import why_unread
from dbtune.snapshot.model import Snapshot
from dbtune.statement import workload_file
from dbtune.statement.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Analysed:
    """What `dbtune analyze` wrote: recommendations as a change, statements, database.

    `system_identifier` is the analysed cluster's own number, None where it could not be read.
    """

    change: Change
    statements: tuple[SentStatement, ...]
    database: str
    system_identifier: str | None = None


def read_report(path: Path) -> Analysed:
    """The report.json in a file or folder, with the migration beside it.

    Raises:
        BadInput: not a report, or one that recommends nothing that SQL could do.
    """
    file = path / "report.json" if path.is_dir() else path
    document = _read_json(file)
    try:
        statements = tuple(
            SentStatement(
                s["fingerprint"], s["text"], float(s["calls"]), float(s.get("share", 0.0))
            )
            for s in document["statements"]
        )
        meta = document["meta"]
        database, cluster = str(meta["database"]), meta.get("system_identifier")
        ddl = [r["ddl"] for r in document["recommendations"] if r["kind"].endswith("_index")]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{file} is not a report of dbtune analyze: {error!r}.") from error
    up, down = file.with_name("migration.up.sql"), file.with_name("migration.down.sql")
    if not ddl:
        raise BadInput(f"{file} recommends no change that SQL can make: nothing to measure.")
    if up.exists():
        change = read_change(read_text(up), read_text(down) if down.exists() else "")
    else:
        change = read_change(";\n".join(d.rstrip(";") for d in ddl))
    return Analysed(change, statements, database, cluster)


def read_workload(path: Path) -> tuple[SentStatement, ...]:
    """The statements of a workload file (see dbtune.statement.workload_file).

    Raises:
        BadInput: the file cannot be used.
    """
    return tuple(
        SentStatement(fingerprint(s.text), s.text, float(s.calls))
        for s in workload_file.read_workload(path)
    )


def statements_of(snapshot: Snapshot) -> tuple[SentStatement, ...]:
    """The statements of a snapshot, by total time; texts that mean the same are one."""
    by_time = sorted(snapshot.statements, key=lambda s: (-s.total_exec_ms, s.text))
    return SentStatement.merged((s.text, s.calls, s.total_exec_ms) for s in by_time)


def read_text(path: Path) -> str:
    """A text file.

    Raises:
        BadInput: it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {why_unread(error)}.") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise BadInput(f"{path} is not a report of dbtune analyze.")
    return document


def read_tasks(path: Path) -> tuple[Task, ...]:
    """The tasks of an earlier benchmark's bench.json, with the same parameter values.

    Raises:
        BadInput: the file is no such result.
    """
    document = _read_json(path)
    try:
        return tuple(msgspec.convert(row["task"], Task) for row in document["rows"])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise BadInput(f"{path} is not a bench.json of dbtune bench: {error}.") from error
