"""However a benchmark ends, the database is as before or a printed command makes it so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dbtune.bench.blocks import bench_in_blocks
from dbtune.bench.change import Change, read_change
from dbtune.bench.journal import open_journal, read_journal, restore
from dbtune.bench.measure import Effort
from dbtune.bench.place import connect_to_bench, refuse_production
from dbtune.bench.run import Order
from dbtune.bench.source import Analysed
from dbtune.bench.stats import Verdict
from dbtune.bench.switch import indexes_of
from dbtune.errors import BadInput, CannotConnect
from dbtune.progress import Silent
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from tests.bench.place import BY_DEPOT, MOVE, SCHEMA, UP, task

PATIENCE_S = 30


@pytest.fixture
def dsn(make_database: Callable[..., str]) -> str:
    return make_database(*SCHEMA)


def definitions(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return {i.name: i.definition for i in indexes_of(connection)}


def order() -> Order:
    return Order((task(BY_DEPOT, "5", "700"), task(MOVE, "7")), (), Effort(time_limit_s=0.5))


@pytest.mark.parametrize("revert", [True, False])
def test_blocks_measure_the_real_change(dsn: str, tmp_path: Path, revert: bool) -> None:
    before = definitions(dsn)
    benchmark = bench_in_blocks(
        lambda: connect_to_bench(dsn), dsn, read_change(UP), order(), revert=revert,
        journal_file=tmp_path / "journal.json", progress=Silent(),
    )  # fmt: skip
    verdicts = {row.task.text: row.verdict for row in benchmark.rows}
    assert verdicts[BY_DEPOT] is Verdict.FASTER
    assert not benchmark.stopped
    assert not (tmp_path / "journal.json").exists()
    assert [(i.name, i.created) for i in benchmark.indexes] == [
        ("public.parcel_depot", True),
        ('public."parcel weight"', False),
    ]
    if revert:
        assert definitions(dsn) == before
    else:
        assert "public.parcel_depot" in definitions(dsn)


def start(dsn: str, folder: Path, up: str) -> subprocess.Popen[str]:
    """`dbtune bench` in a process of its own, waiting for a lock in the midst of its change."""
    (folder / "up.sql").write_text(up)
    (folder / "workload.sql").write_text(f"{BY_DEPOT.replace('$1', '5')};\n")
    command = [
        sys.executable, "-m", "dbtune", "bench", "--on", dsn, "--migration", str(folder / "up.sql"),
        "--workload", str(folder / "workload.sql"), "--out", str(folder / "out"), "--time-limit",
        "1", "--i-know-this-is", psycopg.conninfo.conninfo_to_dict(dsn)["dbname"],
    ]  # fmt: skip
    return subprocess.Popen(
        [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=folder,
    )  # fmt: skip


def wait_until_blocked(observer: psycopg.Connection[tuple[object, ...]], text: str) -> int:
    """The process id of the session that waits for a lock with a statement like this."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        row = observer.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND application_name = 'dbtune bench' AND query LIKE %s",
            (f"%{text}%",),
        ).fetchone()
        if row:
            return int(str(row[0]))
    raise AssertionError("the benchmark did not come to the lock")


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL", "lost session"])
def test_stopped_in_the_midst_of_the_change(dsn: str, tmp_path: Path, how: str) -> None:
    """The first index is built, the second statement waits for a lock that we hold."""
    before = definitions(dsn)
    up = 'CREATE INDEX parcel_depot ON parcel (depot); DROP INDEX "parcel weight";'
    with (
        psycopg.connect(dsn) as holder,
        psycopg.connect(dsn, autocommit=True) as observer,
    ):
        holder.execute('SELECT 1 FROM parcel WHERE "weightKg" = 1')  # ACCESS SHARE until the end
        process = start(dsn, tmp_path, up)
        waiting = wait_until_blocked(observer, "DROP INDEX")
        built = "SELECT count(*) FROM pg_class WHERE relname = 'parcel_depot'"
        assert observer.execute(built.encode()).fetchone() == (1,)
        if how == "lost session":
            observer.execute("SELECT pg_terminate_backend(%s)", (waiting,))
        else:
            process.send_signal(signal.Signals[how])
        holder.rollback()
        out, err = process.communicate(timeout=PATIENCE_S)
    journal = tmp_path / "out" / "journal.json"
    if how == "SIGKILL":
        assert journal.exists()
        restored = subprocess.run(
            [sys.executable, "-m", "dbtune", "bench", "--restore", journal, "--on", dsn],
            capture_output=True, text=True, check=True, cwd=tmp_path,
        )  # fmt: skip
        assert "as before" in restored.stdout
    else:
        assert process.returncode == (0 if how == "lost session" else 130), err
        assert "Partial" in out
        assert "Traceback" not in err
        assert '"stopped"' in (tmp_path / "out" / "bench.json").read_text()
    assert definitions(dsn) == before
    assert not journal.exists()


class Crash(Silent):
    """Kills a backend the hard way once the change is made: the server restarts for all."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        if name == "measuring after":
            with psycopg.connect(self.dsn) as victim:
                os.kill(victim.info.backend_pid, signal.SIGKILL)
                with pytest.raises(psycopg.OperationalError):
                    victim.execute("SELECT pg_sleep(60)")


def test_the_server_restarts_in_the_midst(tmp_path: Path) -> None:
    with running_cluster(wheel_binaries()) as cluster:
        dsn = cluster.dsn()
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in SCHEMA:
                connection.execute(statement.encode())
        before = definitions(dsn)
        benchmark = bench_in_blocks(
            lambda: connect_to_bench(dsn), dsn, read_change(UP), order(), revert=False,
            journal_file=tmp_path / "journal.json", progress=Crash(dsn),
        )  # fmt: skip
        assert benchmark.stopped
        assert definitions(dsn) == before
    assert not (tmp_path / "journal.json").exists()


def test_a_build_that_was_cut_off_is_removed(dsn: str, tmp_path: Path) -> None:
    """What CREATE INDEX CONCURRENTLY leaves behind is an invalid index of that name."""
    before = definitions(dsn)
    change = read_change("CREATE UNIQUE INDEX CONCURRENTLY parcel_depot ON parcel (depot)")
    with connect_to_bench(dsn) as connection:
        journal = open_journal(connection, change, tmp_path / "journal.json")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(change.up[0].encode())
        assert "public.parcel_depot" in definitions(dsn)
        restore(connection, journal)
        assert definitions(dsn) == before
        assert restore(connection, journal) == ()


def test_indexes_of_others_are_left_alone(dsn: str, tmp_path: Path) -> None:
    change = read_change("CREATE INDEX parcel_depot ON parcel (depot)")
    with connect_to_bench(dsn) as connection:
        journal = open_journal(connection, change, tmp_path / "journal.json")
        connection.execute("CREATE INDEX somebody_elses ON parcel (label)")
        connection.execute(change.up[0].encode())
        restore(connection, read_journal(tmp_path / "journal.json"))
        assert journal == read_journal(tmp_path / "journal.json")
    assert "public.somebody_elses" in definitions(dsn)
    assert "public.parcel_depot" not in definitions(dsn)


def test_other_changes_need_a_way_back(dsn: str, tmp_path: Path) -> None:
    change = read_change("ALTER TABLE parcel ADD COLUMN note text")
    with pytest.raises(BadInput, match="--down"):
        bench_in_blocks(
            lambda: connect_to_bench(dsn), dsn, change, order(), revert=True,
            journal_file=tmp_path / "journal.json", progress=Silent(),
        )  # fmt: skip
    with_down = Change(change.up, ("ALTER TABLE parcel DROP COLUMN note",))
    benchmark = bench_in_blocks(
        lambda: connect_to_bench(dsn), dsn, with_down, order(), revert=True,
        journal_file=tmp_path / "journal.json", progress=Silent(),
    )  # fmt: skip
    assert len(benchmark.rows) == 2
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("SELECT note FROM parcel")


def test_an_open_journal_is_not_overwritten(dsn: str, tmp_path: Path) -> None:
    change = read_change(UP)
    with connect_to_bench(dsn) as connection:
        open_journal(connection, change, tmp_path / "journal.json")
        with pytest.raises(BadInput, match="--restore"):
            open_journal(connection, change, tmp_path / "journal.json")


@pytest.mark.parametrize("content", ["", "{", '{"database": 5}', '{"schema": 1}'])
def test_a_broken_journal_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "journal.json"
    file.write_text(content)
    with pytest.raises(BadInput, match=r"journal\.json is not a readable journal"):
        read_journal(file)


def test_a_database_in_use_is_refused(dsn: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with connect_to_bench(dsn) as connection:
        refuse_production(connection, None, None)
        with (
            psycopg.connect(dsn, application_name="shop"),
            pytest.raises(BadInput, match="in use") as refusal,
        ):
            refuse_production(connection, None, None)
        assert f"--i-know-this-is {name}" in str(refusal.value)
        with psycopg.connect(dsn, application_name="shop"):
            refuse_production(connection, None, str(name))


def test_the_analysed_database_is_refused_and_its_dump_elsewhere_is_not(dsn: str) -> None:
    change = read_change(UP)
    with connect_to_bench(dsn) as connection:
        name = connection.info.dbname
        row = connection.execute(
            "SELECT system_identifier::text FROM pg_control_system()"
        ).fetchone()
        assert row is not None
        same = Analysed(change, (), name, row[0])
        with pytest.raises(BadInput, match="database that was analysed, or a physical copy"):
            refuse_production(connection, same, "another")
        refuse_production(connection, same, name)
        refuse_production(connection, Analysed(change, (), name, "7"), None)
        refuse_production(connection, Analysed(change, (), "other", row[0]), None)
        with pytest.raises(BadInput, match="has the name of the database"):
            refuse_production(connection, Analysed(change, (), name), None)


def test_no_password_is_told() -> None:
    with pytest.raises(CannotConnect) as refusal:
        connect_to_bench("postgresql://nobody:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(refusal.value)
