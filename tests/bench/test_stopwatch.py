"""What other programs take from a statement is no time of the statement's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dbtune.bench.stopwatch import Stopwatch, watched_process, watching
from dbtune.bench.task import Run

COUNT = Run("SELECT count(*) FROM generate_series(1, 400000)")

needs_schedstat = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="the kernel does not count waits"
)


@pytest.fixture
def connection(make_database: Callable[..., str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(make_database(), autocommit=True) as session:
        yield session


@needs_schedstat
def test_waits_for_a_processor_are_taken_off(connection: psycopg.Connection) -> None:
    """Client, backend and three programs that never rest share one processor."""
    backend = watched_process(connection)
    if backend is None:
        pytest.skip("the server does not run on this machine")
    mine = os.sched_getaffinity(0)
    one = {min(mine)}
    try:
        os.sched_setaffinity(backend, one)
    except PermissionError:
        pytest.skip("the server belongs to another user")
    rivals = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        for rival in rivals:
            os.sched_setaffinity(rival.pid, one)
        with watching(connection) as stopwatch:
            begun = time.perf_counter()
            counted_ms = stopwatch.time([COUNT] * 3, writes=False)
            elapsed_ms = (time.perf_counter() - begun) * 1000
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
    assert 0 < counted_ms < elapsed_ms * 0.7


@needs_schedstat
def test_sleeping_is_time_of_the_statement(connection: psycopg.Connection) -> None:
    with watching(connection) as stopwatch:
        # On a busy machine some of it passes for a wait for a processor, never most.
        assert stopwatch.time([Run("SELECT pg_sleep(0.1)")], writes=False) >= 50


def test_without_counters_time_is_what_the_client_waited(connection: psycopg.Connection) -> None:
    assert Stopwatch(connection).time([Run("SELECT pg_sleep(0.03)")], writes=False) >= 30


@needs_schedstat
def test_a_process_that_is_gone_has_counted_nothing(connection: psycopg.Connection) -> None:
    with watching(connection) as stopwatch:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(psycopg.OperationalError):
            stopwatch.time([COUNT], writes=True)


def test_a_process_of_that_number_is_not_enough(connection: psycopg.Connection) -> None:
    """A server in a container has numbers of its own; here the title tells."""
    connection.execute("CREATE ROLE somebody_else_here")
    try:
        connection.execute("SET SESSION AUTHORIZATION somebody_else_here")
        assert watched_process(connection) is None
    finally:
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.execute("DROP ROLE somebody_else_here")
