"""A server that logs every statement in every format, and the files it writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from dbtune.server.cluster import Cluster, running_cluster
from tests.conftest import find_binaries

LOGGING = {
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "traffic.log",
    "log_destination": "stderr,csvlog,jsonlog",
    "log_min_duration_statement": "0",
    "log_line_prefix": "%m [%p] %q%u@%d,%a,%v ",
    "log_rotation_size": "0",
    "log_rotation_age": "0",
    "lc_messages": "C",
    "max_connections": "60",
}
FORMATS = {"csvlog": ".csv", "jsonlog": ".json", "stderr": ".log"}


@dataclass(frozen=True)
class LoggingServer:
    """A cluster of the session that logs all it is sent."""

    cluster: Cluster
    major: int

    def dsn(self, database: str = "postgres") -> str:
        return self.cluster.dsn(database)

    def formats(self) -> tuple[str, ...]:
        return tuple(name for name in FORMATS if name != "jsonlog" or self.major >= 15)

    def rotate(self) -> None:
        """Begin new files: what was logged so far is put aside."""
        folder = self.cluster.data_dir / "log"
        for file in folder.iterdir():
            file.unlink()
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute("SELECT pg_rotate_logfile()")
        self._say_until_written("rotated")

    def logged(self, into: Path) -> dict[str, Path]:
        """Copies of the files by format, complete up to this call."""
        self._say_until_written("flushed")
        made = {}
        for name in self.formats():
            source = (self.cluster.data_dir / "log" / "traffic.log").with_suffix(FORMATS[name])
            made[name] = Path(shutil.copy(source, into / source.name))
        return made

    def _say_until_written(self, word: str) -> None:
        """The collector is a process of its own: it has caught up when it has written our word."""
        log = self.cluster.data_dir / "log" / "traffic.log"
        files = [log.with_suffix(FORMATS[name]) for name in self.formats()]
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            for _ in range(100_000):
                connection.execute(f"SELECT '{word}'".encode())
                if all(file.exists() and word.encode() in _tail(file) for file in files):
                    return
        pytest.fail(f"the server did not write {files}")


def _tail(file: Path) -> bytes:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - 4096))
        return opened.read()


@pytest.fixture(scope="session")
def logging_server(pytestconfig: pytest.Config) -> Iterator[LoggingServer]:
    major = int(pytestconfig.getoption("--pg"))
    binaries = find_binaries(major)
    if binaries is None:
        pytest.skip(f"no PostgreSQL {major} programs on this machine")
    settings = dict(LOGGING)
    if major < 15:
        settings["log_destination"] = "stderr,csvlog"
    with running_cluster(binaries, settings=settings) as cluster:
        yield LoggingServer(cluster, major)


@pytest.fixture
def logged(
    logging_server: LoggingServer, tmp_path: Path
) -> Callable[[Callable[[str], None]], dict[str, Path]]:
    """Run something against the server and return the log files of just that."""

    def run(work: Callable[[str], None]) -> dict[str, Path]:
        logging_server.rotate()
        work(logging_server.dsn())
        return logging_server.logged(tmp_path)

    return run
