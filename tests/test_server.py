"""The throwaway server: there while the block runs, gone afterwards, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.server.leftovers import owned, sweep

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
