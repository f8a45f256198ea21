"""Manners towards the server, read from the server's own log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.errors import CannotConnect
from dbtune.server.cluster import Cluster, running_cluster
from dbtune.statement.tokens import tokens
from tests.conftest import find_binaries

RELATIONS = 500
MANY = f"""
DO $$ BEGIN
    FOR i IN 1..{RELATIONS} LOOP
        EXECUTE format('CREATE TABLE t%s (id integer PRIMARY KEY, a text, b date)', i);
        EXECUTE format('CREATE INDEX ON t%s (lower(a)) WHERE b IS NOT NULL', i);
    END LOOP;
END $$
"""


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A server that logs every statement and does not load pg_stat_statements."""
    major = int(pytestconfig.getoption("--pg"))
    binaries = find_binaries(major)
    if binaries is None:
        pytest.skip(f"no server programs of PostgreSQL {major} on this machine")
    settings = {
        "log_statement": "all",
        "log_line_prefix": "<%a> ",
        "autovacuum": "off",
        "max_locks_per_transaction": "1000",
    }
    with running_cluster(binaries, settings=settings) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(MANY)
        yield running


def statements_sent(log: Path) -> list[str]:
    """What sessions with application_name dbtune sent, in order."""
    entries = re.split(r"^(?=<)", log.read_text(), flags=re.MULTILINE)
    sent = (re.match(r"<dbtune> LOG: +(?:statement|execute [^:]*): (.*)", e, re.S) for e in entries)
    return [found[1] for found in sent if found]


def test_only_reads_are_sent_and_few_of_them(cluster: Cluster) -> None:
    before = len(statements_sent(cluster.log_file))
    snapshot = collect(cluster.dsn())
    sent = statements_sent(cluster.log_file)[before:]
    assert len(snapshot.relations) == RELATIONS
    assert len(snapshot.indexes) == 2 * RELATIONS
    words = [next(t.text for t in tokens(s) if t.kind == "word") for s in sent]
    assert set(words) == {"BEGIN", "SELECT", "ROLLBACK"}
    begins = {s.strip() for s in sent if s.startswith("BEGIN")}
    assert begins == {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
    assert 10 < len(sent) < 30


def test_an_extension_without_its_library_is_told(cluster: Cluster) -> None:
    (before,) = collect(cluster.dsn()).not_collected
    assert "neither loaded by the server nor installed" in before.why
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        (after,) = collect(cluster.dsn()).not_collected
        connection.execute("DROP EXTENSION pg_stat_statements")
    assert "installed but cannot be read" in after.why
    assert "shared_preload_libraries" in after.remedy


def test_a_server_that_goes_away_is_told(cluster: Cluster) -> None:
    class EndAllSessions:
        """Ends dbtune's session as soon as the catalog is read."""

        def stage(self, name: str, total: int | None = None) -> None:
            assert total is None
            if name == "catalog":
                with psycopg.connect(cluster.dsn()) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'dbtune'"
                    )

        def step(self, count: int = 1) -> None:
            """Nothing to do."""

    with pytest.raises(CannotConnect, match="broke off") as refused:
        collect(cluster.dsn(), progress=EndAllSessions())
    assert refused.value.remedy == "Try again at a quieter time."
