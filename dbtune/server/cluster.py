"""Start and stop a throwaway server: no TCP, a private socket, gone when the block ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from psycopg.conninfo import make_conninfo

from dbtune.errors import ServerFailed
from dbtune.server.account import Account, memory_dir, reachable_temp_dir, server_account
from dbtune.server.binaries import Binaries, reachable
from dbtune.server.leftovers import owned, sweep

START_TIMEOUT_S = 60.0
# Maps of free space and of visibility: a quarter of the files, and a server does without.
_FREE_TO_LOSE = shutil.ignore_patterns("*_fsm", "*_vm")
SUPERUSER = "postgres"

_BASE_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server of our own. `home` holds its data, socket and log."""

    home: Path
    binaries: Binaries
    process: subprocess.Popen[bytes]

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def log_file(self) -> Path:
        return self.home / "server.log"

    def dsn(self, database: str = "postgres") -> str:
        """A libpq connection string of the superuser; only this account can use it."""
        return make_conninfo(host=str(self.home), user=SUPERUSER, dbname=database)


@contextmanager
def running_cluster(
    binaries: Binaries, *, settings: Mapping[str, str] | None = None, in_memory: bool = False
) -> Iterator[Cluster]:
    """A fresh cluster (superuser `postgres`, C.UTF-8, UTF8), stopped and removed at the end.

    Leftovers of earlier processes that were killed are swept first.

    Args:
        binaries: the server programs to use.
        settings: server settings on top of those every throwaway cluster gets.
        in_memory: no rows will be kept, so its files may be, see `memory_dir`. On a disk it takes
            twice as long to start, and to make a file most of all just after others were removed.

    Raises:
        ServerFailed: initdb or the server failed; the message carries their last words.
    """
    account = server_account()
    usable = reachable(binaries, account)
    on_disk = reachable_temp_dir(account)
    base = memory_dir(account) or on_disk if in_memory else on_disk
    for folder in dict.fromkeys((base, on_disk)):
        sweep(folder)
    home = Path(tempfile.mkdtemp(prefix="dbtune-", dir=base))
    try:
        with owned(home):
            with account.refusals_told():
                template = _template(usable, account, on_disk)
                shutil.copytree(template, home / "data", symlinks=True, ignore=_FREE_TO_LOSE)
                (home / "data").chmod(0o700)
                account.give(home)
                process = _start(home, usable, account, {**_BASE_SETTINGS, **(settings or {})})
            try:
                yield Cluster(home, usable, process)
            finally:
                _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _template(binaries: Binaries, account: Account, base: Path) -> Path:
    """The data folder of a freshly initialised cluster, made once per version and user."""
    cache = _cache_dir(base)
    template = cache / f"cluster-{binaries.version}"
    if template.is_dir():
        return template
    staging = Path(tempfile.mkdtemp(prefix="dbtune-initdb-", dir=base))
    try:
        account.give(staging)
        data = staging / "data"
        _run_initdb(binaries, account, data)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=cache))
        shutil.copytree(data, fresh, symlinks=True, dirs_exist_ok=True)
        try:
            fresh.rename(template)
        except OSError:  # another process was first
            shutil.rmtree(fresh)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return template


def _cache_dir(base: Path) -> Path:
    """The user's cache folder, or one in the temporary folder when that cannot be written."""
    try:
        cache = platformdirs.user_cache_path("dbtune")
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK | os.X_OK):
            return cache
    except OSError:
        pass
    cache = base / f"dbtune-cache-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise ServerFailed(f"{cache} belongs to somebody else.", "Set TMPDIR to a folder of yours.")
    return cache


def _run_initdb(binaries: Binaries, account: Account, data: Path) -> None:
    checksums = ["--no-data-checksums"] if binaries.major >= 18 else []
    command = [
        binaries.program("initdb"), "-D", str(data), "-U", SUPERUSER, "-A", "trust", "--no-sync",
        "--no-instructions", "--encoding=UTF8", "--locale=C.UTF-8", *checksums,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", **account.popen_arguments()
    )
    if done.returncode != 0:
        raise ServerFailed(f"initdb of PostgreSQL {binaries.version} failed: {done.stderr[-500:]}")


def _start(
    home: Path, binaries: Binaries, account: Account, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    log_file = home / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [binaries.program("postgres"), "-D", str(home / "data"), "-k", str(home), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C is ours to handle, not the server's
            **account.popen_arguments(),
        )
    try:
        _wait(process, home, binaries.version)
    except BaseException:  # Ctrl-C too: nobody else knows of the process yet
        _stop(process)
        raise
    return process


def _wait(process: subprocess.Popen[bytes], home: Path, version: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _is_ready(home / "data" / "postmaster.pid"):
        if process.poll() is not None or time.monotonic() > deadline:
            words = (home / "server.log").read_text(errors="replace")[-800:]
            raise ServerFailed(f"PostgreSQL {version} did not start: {words}")
        time.sleep(0.005)


def _is_ready(pid_file: Path) -> bool:
    """The eighth line of postmaster.pid says "ready" once connections are accepted."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Immediate shutdown: the data is thrown away, so no checkpoint is wanted."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
