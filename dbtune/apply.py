"""Run a migration on a database that the user named for it: the one place that writes to one."""

from __future__ import annotations

import itertools
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.collect.connect import open_connection
from dbtune.errors import DbtuneError, ExitCode
from dbtune.gate.migrations import read_as_psql
from dbtune.progress import Progress, Silent
from dbtune.twin.rehearsal import ScriptStatement

_LOCK_ATTEMPTS = 5


class StepFailed(DbtuneError):
    """A statement of the migration failed; those before it are done."""

    exit_code = ExitCode.CONNECTION


@dataclass(frozen=True, slots=True)
class Applied:
    """How many statements ran, and the seconds they took together."""

    statements: int
    seconds: float


def apply_file(target: str, path: str, progress: Progress | None = None) -> Applied:
    """Run an SQL file on a database, statement by statement, each in its own transaction.

    Statements between BEGIN and COMMIT run in one. A statement that cannot get its lock in time
    is tried again, a few times.

    Args:
        target: the database, as libpq takes it.
        path: an SQL file, or "-" for standard input.
        progress: told of each statement.

    Raises:
        BadInput: the file cannot be read.
        CannotConnect: the server cannot be reached or refuses.
        StepFailed: a statement failed; what is left is counted.
    """
    progress = progress or Silent()
    statements = read_as_psql(path).statements
    began = time.monotonic()
    progress.stage("apply", len(statements))
    with open_connection(target, autocommit=True) as connection:
        done = 0
        for together, group in itertools.groupby(statements, key=lambda s: s.in_transaction):
            part = tuple(group)
            with connection.transaction() if together else nullcontext():
                _run_all(connection, part, len(statements) - done, progress)
            done += len(part)
    return Applied(len(statements), time.monotonic() - began)


def _run_all(
    connection: Connection[Any],
    part: tuple[ScriptStatement, ...],
    left: int,
    progress: Progress,
) -> None:
    for position, statement in enumerate(part, start=1):
        try:
            _run(connection, statement)
        except psycopg.Error as error:
            raise _failure(statement, error, left - position) from None
        progress.step()


def _run(connection: Connection[Any], statement: ScriptStatement) -> None:
    """Run one statement; lock_timeout lets waiting traffic pass between the attempts."""
    attempts = 1 if statement.in_transaction else _LOCK_ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            connection.execute(statement.text.encode())
            return
        except psycopg.errors.LockNotAvailable:
            if attempt == attempts:
                raise
            time.sleep(attempt)


def _failure(statement: ScriptStatement, error: psycopg.Error, left: int) -> DbtuneError:
    said = " ".join(str(error).split()).rstrip(".")
    first_line = statement.text.strip().splitlines()[0]
    rest = f"{left} statements after it were not run" if left else "it was the last statement"
    return StepFailed(
        f"{statement.file}:{statement.line}: {first_line} … failed: {said}; {rest}, those before "
        "it are done.",
        "Mend the cause and run the same command again: what is done is passed over.",
    )
