"""Bytes of any encoding are read; other databases' bytes do no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbtune.collect import collect
from dbtune.snapshot.file import from_bytes, to_bytes
from tests.conftest import TestServer


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def foreign(server: TestServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of another encoding; none of its statements stays in pg_stat_statements."""
    name = f"test_{request.param}".lower()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        sql = f"CREATE DATABASE {name} ENCODING '{request.param}' LOCALE 'C' TEMPLATE template0"
        connection.execute(sql.encode())
        dsn = make_conninfo(server.dsn, dbname=name)
        with psycopg.connect(dsn, autocommit=True, client_encoding=request.param) as other:
            other.execute(b"SET pg_stat_statements.track = 'none'")
            other.execute(b"CREATE TABLE \"t\xe9\" AS SELECT 'caf\xe9'::text AS a")
            other.execute(b'ANALYZE "t\xe9"')
        yield dsn
        connection.execute(f"DROP DATABASE {name}".encode())


def test_any_bytes_are_read(foreign: str) -> None:
    snapshot = collect(foreign)
    assert [r.name.name for r in snapshot.relations] == ["té"]
    assert snapshot.server.encoding.lower() in str(conninfo_to_dict(foreign)["dbname"])
    assert from_bytes(to_bytes(snapshot), "bytes") == snapshot


@pytest.mark.parametrize("foreign", ["SQL_ASCII"], indirect=True)
def test_another_databases_texts_that_cannot_be_converted_are_told(
    foreign: str, make_database: Callable[..., str]
) -> None:
    here = make_database("CREATE TABLE item ()", "SELECT count(*) FROM item")
    with psycopg.connect(foreign, autocommit=True, client_encoding="SQL_ASCII") as other:
        other.execute(b'SELECT count(*) FROM "t\xe9"')
    (missing,) = collect(here).not_collected
    assert missing.what == "statements"
    assert "Another database of this server" in missing.why
    with psycopg.connect(here, autocommit=True) as connection:
        connection.execute(missing.remedy.encode())
    after = collect(here)
    assert after.not_collected == ()
    assert "SELECT count(*) FROM item" in [s.text for s in after.statements]
