"""What a role may not see is named with the command that mends it; and that command mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.errors import CannotConnect, MissingPrivilege
from dbtune.identifier import QualifiedName
from dbtune.options import AnalyzeOptions
from dbtune.pipeline import analyze
from dbtune.snapshot.model import Snapshot

ROLE = "dbtune test's auditor"
SCHEMA = """
CREATE SCHEMA "Back Office";
CREATE TABLE "Back Office".ledger (id integer, amount numeric);
CREATE TABLE client (id integer, secret text);
ALTER TABLE client ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON client USING (id = 1);
INSERT INTO client SELECT i, i FROM generate_series(1, 100) i;
INSERT INTO "Back Office".ledger SELECT i, i FROM generate_series(1, 100) i;
ANALYZE;
SELECT count(*) FROM client;
"""
LEDGER = QualifiedName("Back Office", "ledger")
CLIENT = QualifiedName("public", "client")


@pytest.fixture
def schema(make_database: Callable[..., str]) -> Iterator[str]:
    """A database, and a role that may connect and nothing else."""
    dsn = make_database(SCHEMA)
    role = sql.Identifier(ROLE)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    yield dsn
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def as_role(dsn: str) -> str:
    return make_conninfo(dsn, user=ROLE)


def run(dsn: str, command: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(command.encode())


def statistics(snapshot: Snapshot, name: QualifiedName) -> int:
    return sum(len(column.statistics) for column in snapshot.relation_by_name[name].columns)


def test_a_role_that_may_only_connect_is_refused_with_the_grants(schema: str) -> None:
    with pytest.raises(MissingPrivilege) as refused:
        collect(as_role(schema))
    assert ROLE in refused.value.what
    assert "GRANT pg_read_all_stats TO" in refused.value.remedy
    assert "GRANT pg_read_all_data TO" in refused.value.remedy


def test_without_select_statistics_are_missing_until_the_remedy_is_run(schema: str) -> None:
    run(schema, f'GRANT pg_monitor TO "{ROLE}"')
    before = collect(as_role(schema))
    assert len(before.statements) > 0
    assert statistics(before, LEDGER) == statistics(before, CLIENT) == 0
    assert before.relation_by_name[LEDGER].size_bytes > 0
    (missing,) = before.not_collected
    assert missing.what == 'column statistics of "Back Office".ledger, client'
    run(schema, missing.remedy)
    after = collect(as_role(schema))
    assert statistics(after, LEDGER) == 2


def test_row_security_hides_statistics_until_the_remedy_is_run(schema: str) -> None:
    run(schema, f'GRANT pg_monitor, pg_read_all_data TO "{ROLE}"')
    before = collect(as_role(schema))
    assert (statistics(before, LEDGER), statistics(before, CLIENT)) == (2, 0)
    (missing,) = before.not_collected
    assert missing.what == "column statistics of client"
    assert "Row security" in missing.why
    run(schema, missing.remedy)
    assert statistics(collect(as_role(schema)), CLIENT) == 2


def test_other_roles_texts_are_missing_until_the_remedy_is_run(schema: str) -> None:
    run(schema, f'GRANT pg_read_all_data TO "{ROLE}"; ALTER ROLE "{ROLE}" BYPASSRLS')
    before = collect(as_role(schema))
    (missing,) = before.not_collected
    assert missing.what.startswith("texts of ")
    assert missing.share == 1
    assert analyze(before, AnalyzeOptions(engine="none")).report.not_examined_share == 1
    assert "100% of the execution time" in missing.why
    run(schema, missing.remedy)
    after = collect(as_role(schema))
    assert after.not_collected == ()
    assert "SELECT count(*) FROM client" in [s.text for s in after.statements]


def test_statistics_of_some_columns_are_better_than_none(schema: str) -> None:
    run(schema, f'GRANT SELECT (id) ON client TO "{ROLE}"; ALTER ROLE "{ROLE}" BYPASSRLS')
    run(schema, f'GRANT USAGE ON SCHEMA "Back Office" TO "{ROLE}"')
    run(schema, f'GRANT SELECT ON "Back Office".ledger TO "{ROLE}"')
    snapshot = collect(as_role(schema))
    assert (statistics(snapshot, LEDGER), statistics(snapshot, CLIENT)) == (2, 1)
    assert any("client" in missing.what for missing in snapshot.not_collected)


def test_a_role_without_connect_is_told_so(schema: str) -> None:
    with psycopg.connect(schema, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    with pytest.raises(CannotConnect, match="permission denied for database"):
        collect(as_role(schema))


def test_a_missing_database_is_told(schema: str) -> None:
    with pytest.raises(CannotConnect, match='database "no such" does not exist') as refused:
        collect(make_conninfo(schema, dbname="no such"))
    assert refused.value.remedy == "List the databases with: psql --list"
