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
from dbtune.typeset.figures import number_of
from dbtune.typeset.foreign import one_line

_LOCK_ATTEMPTS = 5


class StepFailed(DbtuneError):
    """A statement of the migration failed; the message says what is done and what not."""

    exit_code = ExitCode.USAGE


class StepRefused(StepFailed):
    """The server was lost, or the role may not run a statement of the migration."""

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
        StepRefused: the server did not let the role run it, or was lost.
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


def _failure(statement: ScriptStatement, error: psycopg.Error, left: int) -> StepFailed:
    said = " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")
    rest = f"of {number_of(left, 'statement')} after it none was run" if left else "it was the last"
    before = "those before it are done"
    if statement.in_transaction:
        before = "those before it in its transaction are undone"
    is_refused = isinstance(error, (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege))
    kind = StepRefused if is_refused else StepFailed
    return kind(
        f"{statement.file}:{statement.line}: {one_line(statement.text, 80)} failed: {said}; "
        f"{rest}, {before}.",
        "Mend the cause and run it again: a migration of dbtune's passes over what is done; take "
        "that out of another.",
    )
