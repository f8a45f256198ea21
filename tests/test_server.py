"""The throwaway server: there while the block runs, gone afterwards, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from dbtune.collect import collect
from dbtune.server import account
from dbtune.server.account import memory_dir, reachable_temp_dir, server_account
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.server.leftovers import owned, sweep
from dbtune.snapshot.catalog import SchemaObject
from dbtune.snapshot.file import write_snapshot
from dbtune.twin.twin import twin_cluster

HOLD = """
import sys
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
with running_cluster(wheel_binaries()) as cluster:
    print(cluster.home, cluster.process.pid, flush=True)
    sys.stdin.read()
"""


def held_cluster(**environment: str) -> tuple[subprocess.Popen[str], Path, int]:
    """Another process with a running cluster; its home and the server's pid."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    home, pid = process.stdout.readline().rsplit(" ", 1)
    return process, Path(home), int(pid)


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_cluster_answers_and_is_gone_afterwards() -> None:
    with running_cluster(wheel_binaries()) as cluster:
        home = cluster.home
        with psycopg.connect(cluster.dsn()) as connection:
            row = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()
        assert row is not None
        assert row[0] // 10000 == 18
    assert not home.exists()
    assert cluster.process.returncode is not None


def test_a_killed_process_leaves_what_the_next_run_sweeps() -> None:
    process, home, pid = held_cluster()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert psutil.pid_exists(pid)
    with running_cluster(wheel_binaries()):
        assert not home.exists()
        assert not psutil.pid_exists(pid)


def test_a_cluster_in_use_is_not_swept() -> None:
    process, home, pid = held_cluster()
    try:
        with running_cluster(wheel_binaries()) as other:
            assert other.home != home
            assert psutil.pid_exists(pid)
            assert home.is_dir()
    finally:
        end(process)
    assert not home.exists()


def test_only_what_a_lock_proves_is_swept(tmp_path: Path) -> None:
    stranger = tmp_path / "dbtune-stranger"
    stranger.mkdir()
    (stranger / "notes.txt").write_text("not ours")
    used = tmp_path / "dbtune-used"
    used.mkdir()
    with owned(used):
        assert sweep(tmp_path) == ()
    assert sweep(tmp_path) == (used,)
    assert stranger.is_dir()


def test_a_twin_is_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    if memory_dir(server_account()) is None:
        pytest.skip("no folder in memory with 2 GB free")
    with twin_cluster() as cluster, psycopg.connect(cluster.dsn()) as connection:
        assert cluster.home.parent == Path("/dev/shm")
        connection.execute("SELECT 1")
    assert not cluster.home.exists()
    monkeypatch.setattr(account, "_ROOM_BYTES", 1 << 60)
    with twin_cluster() as cluster:
        assert cluster.home.parent == reachable_temp_dir(server_account())


@pytest.mark.parametrize("name", ["TMPDIR", "XDG_CACHE_HOME"])
def test_folders_with_spaces_will_do(name: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "a folder"
    folder.mkdir(mode=0o777)
    process, home, _ = held_cluster(**{name: str(folder)})
    end(process)
    assert process.returncode == 0
    assert not home.exists()


def test_a_home_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where the cache folder should be")
    process, _, _ = held_cluster(XDG_CACHE_HOME=str(blocked))
    end(process)
    assert process.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to change to")
@pytest.mark.parametrize("lost", ["all", "cap_setuid,cap_setgid"])
def test_a_root_without_capabilities_is_told_what_it_lacks(lost: str, tmp_path: Path) -> None:
    if (capsh := shutil.which("capsh")) is None:
        pytest.skip("capsh is not installed")
    (tmp_path / "hold.py").write_text(HOLD)
    command = [capsh, f"--drop={lost}", f"--shell={sys.executable}", "--", "hold.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "ServerFailed: The embedded server cannot be started: " in done.stderr
    assert "ordinary user" in done.stderr


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder with a short path that any account may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_takes_its_server_along(
    database: str, open_folder: Path, kind: signal.Signals
) -> None:
    slow = (
        "CREATE FUNCTION slow() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(15)'"
    )
    snapshot = replace(collect(database), objects=(SchemaObject("function", "slow()", slow),))
    file = open_folder / "slow.dbtune"
    write_snapshot(snapshot, file)
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtune", "explain", str(file), "SELECT slow()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(open_folder)},
    )
    while not (ready := list(open_folder.glob("dbtune-*/data/postmaster.pid"))):
        assert process.poll() is None
    process.send_signal(kind)
    process.communicate(timeout=30)
    assert process.returncode == (130 if kind == signal.SIGINT else 128 + kind)
    assert not ready[0].exists()
    assert list(open_folder.glob("dbtune-*")) == []
