"""What a server saw during a stretch of time: pg_stat_statements before and after, and its log.

For tests, on servers of the developer's own: a query more or less does not matter here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.rows import class_row

from dbtune.collect.logs import read_logs
from dbtune.collect.logs.classify import classify
from dbtune.errors import BadInput, CannotConnect
from dbtune.snapshot.model import StatementStatistics
from dbtune.traffic import Traffic

_COUNTERS = """
SELECT coalesce(s.queryid, 0) AS queryid, s.userid, to_jsonb(s) ->> 'toplevel' AS toplevel,
       s.query, s.calls, s.rows, s.total_exec_time
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND s.query NOT LIKE '%pg_stat_statements%'
"""
_TRIES = 2_000
_READ_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Counted:
    queryid: int
    userid: int
    toplevel: str | None
    query: str
    calls: int
    rows: int
    total_exec_time: float

    @property
    def key(self) -> tuple[int, int, str | None]:
        return self.queryid, self.userid, self.toplevel


@dataclass(frozen=True, slots=True)
class Watched:
    """The statements that other sessions ran in the database, and their order if the log tells.

    Transaction control, settings and catalog queries of drivers are left out.
    """

    statements: tuple[StatementStatistics, ...]
    traffic: Traffic | None

    @property
    def query_count(self) -> int:
        return sum(statement.calls for statement in self.statements)


class Watch:
    """A watch that has begun; `seen()` may be asked several times."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._before = {one.key: one for one in self._counters()}
        self._log = self._log_position()

    def seen(self) -> Watched:
        """All since the watch began."""
        found = []
        for one in self._counters():
            old = self._before.get(one.key)
            calls = one.calls - (old.calls if old else 0)
            if calls > 0 and one.toplevel != "false" and classify(one.query) == "query":
                spent = one.total_exec_time - (old.total_exec_time if old else 0.0)
                rows = one.rows - (old.rows if old else 0)
                found.append(
                    StatementStatistics(
                        text=one.query, calls=calls, rows=rows, total_exec_ms=spent,
                        mean_exec_ms=spent / calls,
                    )
                )  # fmt: skip
        return Watched(tuple(sorted(found, key=lambda s: s.text)), self._traffic())

    def _counters(self) -> list[_Counted]:
        with self._connection.cursor(row_factory=class_row(_Counted)) as cursor:
            return cursor.execute(_COUNTERS).fetchall()

    def _log_position(self) -> tuple[str, int] | None:
        """The server's jsonlog and its length, if it logs every statement and we may read it."""
        try:
            row = self._connection.execute(
                "SELECT f, (pg_stat_file(f)).size FROM pg_current_logfile('jsonlog') f"
                " WHERE f IS NOT NULL AND current_setting('log_min_duration_statement') = '0'"
            ).fetchone()
        except psycopg.Error:  # no such format before 15, or no privilege: counters must do
            return None
        return (str(row[0]), int(row[1])) if row else None

    def _traffic(self) -> Traffic | None:
        if self._log is None:
            return None
        lines = self._logged(*self._log)
        database = self._connection.info.dbname
        wanted = [
            line
            for line in lines
            if (entry := _entry(line)).get("dbname") == database
            and entry.get("pid") != self._connection.info.backend_pid
        ]
        with tempfile.TemporaryDirectory(prefix="dbtune-watch-") as folder:
            file = Path(folder, "watched.json")
            file.write_bytes(b"\n".join(wanted))
            try:
                return read_logs([file])
            except BadInput:  # nothing ran
                return None

    def _logged(self, file: str, begin: int) -> list[bytes]:
        """The log since `begin`, complete: it ends with a mark that we ask the server to write."""
        mark = uuid4().hex
        self._connection.execute(f"SELECT '{mark}'".encode())
        content = b""
        for _ in range(_TRIES):
            row = self._connection.execute(
                "SELECT pg_read_binary_file(%s, %s, %s)",
                (file, begin + len(content), _READ_BYTES),
            ).fetchone()
            content += bytes(row[0]) if row else b""
            if mark.encode() in content:
                break
        return content.splitlines()


@contextmanager
def watching(dsn: str) -> Iterator[Watch]:
    """Watch the database of a DSN.

    Raises:
        CannotConnect: no connection, or no pg_stat_statements.
    """
    try:
        connection = psycopg.connect(dsn, autocommit=True, application_name="dbtune")
    except psycopg.Error as error:
        raise CannotConnect(f"The server to watch cannot be reached: {error}.") from error
    with connection:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            watch = Watch(connection)
        except psycopg.Error as error:
            raise CannotConnect(
                f"The server to watch has no pg_stat_statements: {error}.",
                "Start it with shared_preload_libraries = 'pg_stat_statements' (in a container: "
                "-c shared_preload_libraries=pg_stat_statements).",
            ) from error
        yield watch


def _entry(line: bytes) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
