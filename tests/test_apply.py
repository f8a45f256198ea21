"""dbtune apply: the one command that writes to a database that the user named."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from dbtune.apply import StepFailed, StepRefused, apply_file


def indexes(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
        return {row[0] for row in rows}


def written(folder: Path, sql: str) -> str:
    file = folder / "up.sql"
    file.write_text(sql)
    return str(file)


def test_statements_that_refuse_a_transaction_are_run(database: str, tmp_path: Path) -> None:
    sql = """
    CREATE TABLE crate (id int, weight int); -- a semicolon; in a comment
    SET lock_timeout = '1s';
    DO $body$ BEGIN PERFORM 1; END $body$;
    CREATE INDEX CONCURRENTLY crate_weight_idx ON crate (weight);
    """
    applied = apply_file(database, written(tmp_path, sql))
    assert applied.statements == 4
    assert indexes(database) == {"crate_weight_idx"}


def test_the_first_failure_stops_and_says_what_is_left(database: str, tmp_path: Path) -> None:
    sql = "CREATE TABLE crate (id int);\nSELECT 1 / 0;\nCREATE TABLE later (id int);\n"
    with pytest.raises(
        StepFailed, match=r"up\.sql:2: SELECT 1 / 0 failed: .*1 statement after"
    ) as failed:
        apply_file(database, written(tmp_path, sql))
    assert "those before it are done" in failed.value.what
    assert failed.value.exit_code == 2
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables").fetchall()
    assert tables == [("crate",)]


def test_statements_between_begin_and_commit_stand_or_fall_together(
    database: str, tmp_path: Path
) -> None:
    sql = "BEGIN;\nCREATE TABLE crate (id int);\nSELECT 1 / 0;\nCOMMIT;\n"
    with pytest.raises(StepFailed, match="in its transaction are undone"):
        apply_file(database, written(tmp_path, sql))
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('crate')").fetchone() == (None,)


def test_what_the_role_may_not_do_is_told_as_a_privilege(database: str, tmp_path: Path) -> None:
    sql = "SET ROLE pg_monitor;\nCREATE TABLE crate (id int);\n"
    with pytest.raises(StepRefused, match="permission denied") as failed:
        apply_file(database, written(tmp_path, sql))
    assert failed.value.exit_code == 3


def test_a_lock_that_comes_free_is_waited_for(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("CREATE TABLE crate (id int)")
        with other.transaction():
            other.execute("LOCK TABLE crate IN ACCESS EXCLUSIVE MODE")
            sql = "SET lock_timeout = '50ms'; ALTER TABLE crate ADD COLUMN weight int;"
            applying = threading.Thread(target=apply_file, args=(database, written(tmp_path, sql)))
            applying.start()
            _until_somebody_waits(database)
        applying.join(timeout=30)
        columns = other.execute("SELECT count(*) FROM pg_attribute WHERE attname = 'weight'")
        assert columns.fetchone() == (1,)


def _until_somebody_waits(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        for _ in range(10_000):
            row = connection.execute(waiting).fetchone()
            if row and row[0]:
                return
    raise AssertionError("nobody waited for the lock")
