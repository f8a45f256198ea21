"""How long statements take, without the time that other programs took from them.

On a machine shared with others (a CI runner, a colleague's clone) a statement's time is mostly
luck: its processes wait in line for a processor. Linux counts those waits for each process, in
nanoseconds, in /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst). Where the backend
runs on this machine they are taken off what the client waited; reading, writing, locks, network
and parallel workers stay in.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, RawCursor

from dbtune.bench.task import Run
from dbtune.bench.work import rolled_back

OWN_THREAD = Path("/proc/thread-self/schedstat")

_SESSION = "SELECT /* dbtune */ pg_backend_pid(), current_database(), session_user"


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """A session whose statements are timed.

    `backend` and `client` are open files of the two processes' schedstat, None where the backend
    cannot be watched; times are then what the client waited, whatever the reason.
    """

    connection: Connection[Any]
    backend: int | None = None
    client: int | None = None

    def time(self, runs: Iterable[Run], *, writes: bool) -> float:
        """Milliseconds that a group of runs takes together; writes are rolled back."""
        cursor = RawCursor(self.connection, row_factory=psycopg.rows.tuple_row)
        elapsed_ns = 0
        with rolled_back(self.connection, writes):
            for run in runs:
                elapsed_ns += self._time(cursor, run)
        return elapsed_ns / 1e6

    def _time(self, cursor: RawCursor[Any], run: Run) -> int:
        query = run.text.encode()
        ran_ns, waited_ns = _counted(self.backend)
        _, queued_ns = _counted(self.client)
        begun_ns = time.perf_counter_ns()
        cursor.execute(query, run.values, binary=True)
        elapsed_ns = time.perf_counter_ns() - begun_ns
        ran_later_ns, waited_later_ns = _counted(self.backend)
        _, queued_later_ns = _counted(self.client)
        off_ns = waited_later_ns - waited_ns + queued_later_ns - queued_ns
        # A wait is counted when it ends and may have begun before the statement; what the
        # backend has run is certain.
        return max(elapsed_ns - off_ns, ran_later_ns - ran_ns, 1)


@contextmanager
def watching(connection: Connection[Any]) -> Iterator[Stopwatch]:
    """A stopwatch for this session and this thread."""
    process = watched_process(connection)
    if process is None:
        yield Stopwatch(connection)
        return
    backend = os.open(_schedstat(process), os.O_RDONLY)
    client = os.open(OWN_THREAD, os.O_RDONLY)
    try:
        yield Stopwatch(connection, backend, client)
    finally:
        os.close(backend)
        os.close(client)


def watched_process(connection: Connection[Any]) -> int | None:
    """The backend's process id if it runs on this machine and its waits are counted.

    The same number can be another process here (the server in a container, a pooler between), so
    the process must bear the title that PostgreSQL gives to a session of this user and database.
    """
    row = connection.execute(_SESSION).fetchone()
    process, database, user = row or (0, "", "")
    try:
        title = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
        ran_ns = int(_schedstat(process).read_bytes().split()[0])
        OWN_THREAD.read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    is_ours = title.startswith("postgres: ") and f"{user} {database} " in title
    return process if is_ours and ran_ns > 0 else None


def _schedstat(process: int) -> Path:
    return Path(f"/proc/{process}/schedstat")


def _counted(file: int | None) -> tuple[int, int]:
    """Nanoseconds on a processor, and waiting for one; a process that is gone has neither."""
    if file is None:
        return 0, 0
    try:
        ran, waited, _ = os.pread(file, 100, 0).split()
    except (OSError, ValueError):
        return 0, 0
    return int(ran), int(waited)
