"""A database that the user named is filled whole, or is as empty as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.errors import BadInput, CannotConnect
from dbtune.progress import Silent
from dbtune.snapshot.file import write_snapshot
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.into import MARKER
from dbtune.synthesize.run import synthesise_into
from tests.conftest import TestServer
from tests.synthesize.conftest import ask

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * n';
CREATE SCHEMA other;
CREATE TABLE a (id int PRIMARY KEY, m mood NOT NULL);
CREATE TABLE other.b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
INSERT INTO a SELECT n, 'glad' FROM generate_series(1, 200) n;
INSERT INTO other.b SELECT n, 1 + n % 200 FROM generate_series(1, 3000) n;
CREATE INDEX ON other.b (twice(a_id));
ANALYZE;
"""
LEFT = f"""
SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('public', 'other', '{MARKER}')
UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT nspname FROM pg_namespace WHERE nspname IN ('other', '{MARKER}')
UNION ALL SELECT unnest(setconfig) FROM pg_db_role_setting s
  JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = current_database()"""

pytestmark = pytest.mark.pg(">= 15")


@pytest.fixture
def source(make_database: Callable[..., str]) -> Snapshot:
    return collect(make_database(SCHEMA))


class At:
    """Progress that does something when a stage begins."""

    def __init__(self, stage: str, act: Callable[[], None]) -> None:
        self._stage = stage
        self._act = act

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        if name.startswith(self._stage):
            self._act()

    def step(self, count: int = 1) -> None:
        pass


def test_the_source_itself_is_refused(empty_database: Callable[[], str]) -> None:
    target = empty_database()
    with pytest.raises(BadInput, match="the one that the snapshot was taken of"):
        synthesise_into(target, collect(target), progress=Silent())


def test_two_at_once_are_refused(source: Snapshot, empty_database: Callable[[], str]) -> None:
    target = empty_database()

    def second() -> None:
        with pytest.raises(BadInput, match="Another dbtune is filling"):
            synthesise_into(target, source, progress=Silent())

    made = synthesise_into(target, source, progress=At("fill other", second))
    assert sum(made.rows.values()) == 3200


@pytest.mark.parametrize("stage", ["load schema", "fill a", "fill other", "build", "analyze"])
def test_a_terminated_session_leaves_nothing(
    source: Snapshot, empty_database: Callable[[], str], stage: str
) -> None:
    target = empty_database()

    def terminate() -> None:
        ask(
            target,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )

    with pytest.raises(CannotConnect, match=r"could not be made: .* has been dropped"):
        synthesise_into(target, source, progress=At(stage, terminate))
    assert ask(target, LEFT) == []


@pytest.mark.parametrize("stage", ["fill other", "build", "analyze"])
def test_an_interrupt_leaves_nothing(
    source: Snapshot, empty_database: Callable[[], str], stage: str
) -> None:
    target = empty_database()

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesise_into(target, source, progress=At(stage, interrupt))
    assert ask(target, LEFT) == []


def test_what_a_killed_run_left_is_dropped_by_the_next(
    source: Snapshot, empty_database: Callable[[], str], tmp_path: Path
) -> None:
    target = empty_database()
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    file = tmp_path / "source.dbtune"
    write_snapshot(source, file)
    killed = f"""
import os, signal
from pathlib import Path
from dbtune.snapshot.file import read_snapshot
from dbtune.synthesize.run import synthesise_into
from tests.synthesize.test_into import At
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
synthesise_into({target!r}, read_snapshot(Path({str(file)!r})), progress=At("build", kill))
"""
    done = subprocess.run(
        [sys.executable, "-c", killed], cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert (MARKER,) in ask(target, LEFT)
    made = synthesise_into(target, source, progress=Silent())
    assert "dropped first" in made.notes[0].why
    assert ask(target, "SELECT count(*), mine() FROM other.b") == [(3000, 1)]
    assert (MARKER,) not in ask(target, LEFT)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_the_command_interrupted_leaves_nothing(
    source: Snapshot, empty_database: Callable[[], str], tmp_path: Path, kind: signal.Signals
) -> None:
    target = empty_database()
    large = replace(
        source, relations=tuple(replace(r, reltuples=r.reltuples * 2000) for r in source.relations)
    )
    file = tmp_path / "large.dbtune"
    write_snapshot(large, file)
    command = [sys.executable, "-m", "dbtune", "synthesize", str(file), "--into", target]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    waiting = (
        "SELECT count(*) FROM pg_stat_progress_copy p JOIN pg_class c ON c.oid = relid "
        "WHERE p.datname = current_database() AND tuples_processed > 0"
    )
    while ask(target, waiting) == [(0,)]:
        assert process.poll() is None, process.communicate()
    process.send_signal(kind)
    process.communicate(timeout=30)
    assert process.returncode == (130 if kind == signal.SIGINT else 128 + kind)
    assert ask(target, LEFT) == []


def test_an_ordinary_owner_will_do(
    source: Snapshot, empty_database: Callable[[], str], server: TestServer
) -> None:
    target = empty_database()
    role = f"owner_{os.getpid()}"
    name = psycopg.conninfo.conninfo_to_dict(target)["dbname"]
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO {role}'.encode())
        made = synthesise_into(make_conninfo(target, user=role), source, progress=Silent())
        assert [n.what for n in made.notes] == ["extension pg_stat_statements"]
        assert ask(target, "SELECT count(*) FROM other.b JOIN a ON a.id = a_id") == [(3000,)]
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER'.encode())
        with psycopg.connect(target, autocommit=True) as inside:
            inside.execute(f"DROP OWNED BY {role} CASCADE".encode())
        connection.execute(f"DROP ROLE {role}".encode())


def test_a_role_that_may_not_create_is_told_so(
    source: Snapshot, empty_database: Callable[[], str], server: TestServer
) -> None:
    target = empty_database()
    role = f"guest_{os.getpid()}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        with pytest.raises(CannotConnect, match="may not create schemas"):
            synthesise_into(make_conninfo(target, user=role), source, progress=Silent())
        connection.execute(f"DROP ROLE {role}".encode())


def test_settings_that_the_server_refuses_are_told(
    source: Snapshot, empty_database: Callable[[], str]
) -> None:
    odd = replace(source, settings={**source.settings, "enable_wishing": "on", "work_mem": "9MB"})
    target = empty_database()
    made = synthesise_into(target, odd, progress=Silent())
    assert [n.what for n in made.notes] == ["setting enable_wishing = on"]
    assert ask(target, "SHOW work_mem") == [("9MB",)]
