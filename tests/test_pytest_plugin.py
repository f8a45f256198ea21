"""The pytest plugin, run as its users run it."""

from __future__ import annotations

import pytest

from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster

pytest_plugins = "pytester"

_SCHEMA = """
CREATE TABLE owner (id int PRIMARY KEY, name text);
INSERT INTO owner SELECT n, 'o' || n FROM generate_series(1, 20) n;
CREATE TABLE pet (id int PRIMARY KEY, owner_id int REFERENCES owner);
INSERT INTO pet SELECT n, n FROM generate_series(1, 12) n;
"""
_TESTS = '''
import psycopg
import pytest

SCHEMA = """{schema}"""


@pytest.fixture
def shop(dbtune_dsn):
    with psycopg.connect(dbtune_dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS pet, owner")
        connection.execute(SCHEMA)
        yield connection


def owners_one_by_one(shop):
    for _, owner in shop.execute("SELECT id, owner_id FROM pet").fetchall():
        shop.execute("SELECT name FROM owner WHERE id = %s", (owner,)).fetchone()


@pytest.mark.dbtune
def test_loop(shop):
    owners_one_by_one(shop)


@pytest.mark.dbtune(no_n_plus_one=False)
def test_loop_allowed(shop):
    owners_one_by_one(shop)


@pytest.mark.dbtune(max_queries=2)
def test_batched(shop):
    owners = [row[1] for row in shop.execute("SELECT id, owner_id FROM pet")]
    shop.execute("SELECT id, name FROM owner WHERE id = ANY(%s)", (owners,)).fetchall()


@pytest.mark.dbtune(max_queries=3, no_n_plus_one=False)
def test_over_budget(shop):
    for _ in range(4):
        shop.execute("SELECT count(*) FROM pet")


@pytest.mark.dbtune(max_queries=1)
def test_broken_by_itself(shop):
    assert False


def test_not_marked(shop):
    owners_one_by_one(shop)
'''


def _run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    pytester.makepyfile(_TESTS.format(schema=_SCHEMA))
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)


def _assert_judged(result: pytest.RunResult, says: str) -> None:
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(
        [
            f"*N+1 on owner: *{says}*",
            "*4 queries where 3 are allowed*",
            "*4 × SELECT count(*) FROM pet*",
            "FAILED *test_loop - *",
            "FAILED *test_over_budget - *",
            "FAILED *test_broken_by_itself - *",
        ]
    )


def test_on_an_embedded_server_by_its_log(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBTUNE_TEST_DSN", raising=False)
    _assert_judged(_run(pytester), "12 times in one unit of work")


def test_on_a_named_server_by_its_counters(pytester: pytest.Pytester, database: str) -> None:
    _assert_judged(_run(pytester, "--dbtune-dsn", database), "ran 12 times, 1 times for each")


def test_a_server_without_counters_says_what_to_switch_on(pytester: pytest.Pytester) -> None:
    with running_cluster(wheel_binaries()) as cluster:
        result = _run(pytester, "--dbtune-dsn", cluster.dsn(), "-k", "test_batched")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*shared_preload_libraries*"])
