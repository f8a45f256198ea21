"""Which rows of pg_stat_statements become the workload."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.collect import CollectOptions, collect
from dbtune.collect.statements import work_in
from dbtune.snapshot.model import StatementStatistics

SCHEMA = """
CREATE SCHEMA shop;
CREATE TABLE shop.item (id integer, price integer);
INSERT INTO shop.item SELECT i, i FROM generate_series(1, 100) i;
ANALYZE shop.item;
"""
QUERY = "SELECT price FROM shop.item WHERE id = $1"


def statement(found: tuple[StatementStatistics, ...], text: str) -> StatementStatistics:
    return next(s for s in found if s.text == text)


def ask(dsn: str, times: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in range(times):
            connection.execute("SELECT price FROM shop.item WHERE id = %s", [number + 1])


def test_calls_rows_and_times_are_the_servers(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA)
    ask(dsn, 7)
    snapshot = collect(dsn)
    found = statement(snapshot.statements, QUERY)
    assert (found.calls, found.rows, found.toplevel) == (7, 7, True)
    assert found.total_exec_ms >= found.max_exec_ms >= found.mean_exec_ms > 0
    assert found.role == "postgres"
    assert snapshot.evictions is not None
    assert snapshot.not_collected == ()


def test_neither_other_databases_nor_noise_nor_dbtune_itself(
    make_database: Callable[..., str],
) -> None:
    other = make_database("CREATE TABLE elsewhere ()", "SELECT count(*) FROM elsewhere")
    dsn = make_database(SCHEMA)
    with psycopg.connect(dsn) as connection:
        connection.execute("SET work_mem = '5MB'")
        connection.execute("SELECT 1 AS kept")
    collect(dsn)
    texts = [s.text for s in collect(dsn).statements]
    assert [t for t in texts if "elsewhere" in t] == []
    assert [t for t in texts if "dbtune" in t or t.startswith(("SET", "BEGIN", "CREATE"))] == []
    assert "SELECT $1 AS kept" in texts
    assert other != dsn


def test_few_calls_are_left_out_and_the_longest_come_first(
    make_database: Callable[..., str],
) -> None:
    dsn = make_database(SCHEMA)
    ask(dsn, 3)
    often = collect(dsn, CollectOptions(min_calls=3)).statements
    assert [s.text for s in often] == [QUERY]
    times = [s.total_exec_ms for s in collect(dsn).statements]
    assert times == sorted(times, reverse=True)
    assert len(collect(dsn, CollectOptions(statements=1)).statements) == 1


def test_each_role_has_its_own_search_path(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA, 'CREATE SCHEMA "dbtune_test_App"')
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute('CREATE ROLE "dbtune_test_App" LOGIN')
        try:
            connection.execute("ALTER ROLE \"dbtune_test_App\" SET search_path = '$user', shop, no")
            connection.execute('GRANT USAGE ON SCHEMA shop TO "dbtune_test_App"')
            connection.execute('GRANT SELECT ON shop.item TO "dbtune_test_App"')
            with psycopg.connect(make_conninfo(dsn, user="dbtune_test_App")) as app:
                app.execute("SELECT count(*) FROM item")
            snapshot = collect(dsn)
        finally:
            connection.execute('DROP OWNED BY "dbtune_test_App"')
            connection.execute('DROP ROLE "dbtune_test_App"')
    assert snapshot.search_path == ("public",)
    found = statement(snapshot.statements, "SELECT count(*) FROM item")
    assert found.role == "dbtune_test_App"
    assert found.search_path == ("dbtune_test_App", "shop")


def test_the_extension_may_live_in_any_schema(make_database: Callable[..., str]) -> None:
    dsn = make_database(
        SCHEMA,
        'CREATE SCHEMA "Mon {x} %"; ALTER EXTENSION pg_stat_statements SET SCHEMA "Mon {x} %"',
    )
    ask(dsn, 2)
    assert statement(collect(dsn).statements, QUERY).calls == 2


def test_without_the_extension_the_remedy_is_told(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA, "DROP EXTENSION pg_stat_statements")
    snapshot = collect(dsn)
    (missing,) = snapshot.not_collected
    assert (missing.what, missing.remedy) == (
        "statements",
        "CREATE EXTENSION pg_stat_statements",
    )
    assert [r.name.name for r in snapshot.relations] == ["item"]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(missing.remedy.encode())
    assert collect(dsn).not_collected == ()


def test_an_old_version_of_the_extension_is_read(make_database: Callable[..., str]) -> None:
    dsn = make_database(
        SCHEMA,
        "DROP EXTENSION pg_stat_statements",
        "CREATE EXTENSION pg_stat_statements VERSION '1.4'",
    )
    ask(dsn, 4)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for version in ("1.5", "1.6", "1.7", "1.8", "1.9", "1.10"):
            found = statement(collect(dsn).statements, QUERY)
            assert found.calls == 4
            assert found.total_exec_ms > 0
            update = f"ALTER EXTENSION pg_stat_statements UPDATE TO '{version}'"
            connection.execute(update.encode())


def test_nested_statements_are_told_apart(make_database: Callable[..., str]) -> None:
    dsn = make_database(
        SCHEMA,
        "CREATE FUNCTION price_of(integer) RETURNS integer LANGUAGE plpgsql AS "
        "'BEGIN RETURN (SELECT price FROM shop.item WHERE id = $1); END'",
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET pg_stat_statements.track = 'all'")
        connection.execute("SELECT price_of(3)")
    found = collect(dsn).statements
    assert statement(found, "SELECT price_of($1)").toplevel
    nested = next(s for s in found if "shop.item WHERE id" in s.text)
    assert not nested.toplevel


def test_readings_belong_to_the_statements(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA)
    ask(dsn, 5)

    class AskAtEachReading:
        """Stands for an application that goes on while dbtune watches."""

        def stage(self, name: str, total: int | None = None) -> None:
            """Nothing to do."""

        def step(self, count: int = 1) -> None:
            ask(dsn, 10 * count)
            ask_new(dsn)

    def ask_new(dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SELECT max(price) FROM shop.item")

    options = CollectOptions(watch_s=0.01, readings=3)
    snapshot = collect(dsn, options, AskAtEachReading())
    texts = [s.text for s in snapshot.statements]
    counters = [r.counters[texts.index(QUERY)] for r in snapshot.readings]
    assert [c.calls if c else None for c in counters] == [5, 15, 25]
    late = [r.counters[texts.index("SELECT max(price) FROM shop.item")] for r in snapshot.readings]
    assert [c.calls if c else None for c in late] == [None, 1, 2]
    assert collect(dsn).readings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", True),
        ("  /* a /* b */ c */ -- d\n((select 1))", True),
        ("-- tag\r\nWITH x AS (SELECT 1) TABLE x", True),
        ("COPY t TO STDOUT", True),
        ("DECLARE c CURSOR FOR SELECT 1", True),
        ("PREPARE p", False),
        ("SELECTED", False),
        ("BEGIN", False),
        ("set search_path to x", False),
        ("VACUUM t", False),
        ("SELECT /* dbtune */ 1", False),
        ("DO $dbtune$ BEGIN END $dbtune$", False),
        ("DO $$ BEGIN END $$", True),
        ("", False),
        ("$1", False),
    ],
)
def test_what_counts_as_work(text: str, expected: bool) -> None:
    assert work_in(text) == (text if expected else None)


@pytest.mark.parametrize(
    ("text", "toplevel", "expected"),
    [
        ("PREPARE p AS SELECT 1", True, "SELECT 1"),
        ('/* tag */ prepare "AS" (int, text[]) as\n DELETE FROM t', False, "DELETE FROM t"),
        ("PREPARE dbtune_plan AS SELECT $1", False, None),
        ("PREPARE dbtune_plan AS SELECT $1", True, "SELECT $1"),
        ("PREPARE p AS VACUUM", True, None),
    ],
)
def test_what_a_prepare_prepares(text: str, toplevel: bool, expected: str | None) -> None:
    assert work_in(text, toplevel=toplevel) == expected


def test_statements_that_dbtune_explains_on_the_target_are_not_its_workload(
    make_database: Callable[..., str],
) -> None:
    dsn = make_database(SCHEMA)
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET pg_stat_statements.track = 'all'")
    ask(dsn, 3)
    collect(dsn, CollectOptions(plans_from_target=10))
    found = collect(dsn).statements
    assert [(s.text, s.calls) for s in found if "SELECT price" in s.text] == [(QUERY, 3)]
    assert [s.text for s in found if "pg_" in s.text or "set_config" in s.text] == []


def test_a_statement_prepared_in_sql_is_read(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"PREPARE one (integer) AS {QUERY}")
        connection.execute("EXECUTE one (1)")
        connection.execute("EXECUTE one (2)")
    assert statement(collect(dsn).statements, QUERY).calls == 2
