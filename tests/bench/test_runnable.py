"""Texts as pg_stat_statements shows them: spelled so that they run, or refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from dbtune.bench.runnable import renumbered, runnable, with_lists
from dbtune.bench.sent import SentStatement, plan_tasks
from dbtune.bench.work import work_of

SCHEMA = (
    "CREATE TABLE visit (id int PRIMARY KEY, ward int NOT NULL, code text UNIQUE, day date,"
    " at timestamptz, fee numeric, notes jsonb)",
    "INSERT INTO visit SELECT n, n % 40, 'c' || n, date '2026-01-01' + n % 300,"
    " '2026-01-01'::timestamptz + n * interval '10 min', n % 90,"
    " jsonb_build_object('kind', 'k' || n % 9) FROM generate_series(1, 5000) n",
    "VACUUM ANALYZE visit",
)

Session = psycopg.Connection[Any]


@pytest.fixture
def connection(make_database: Callable[..., str]) -> Iterator[Session]:
    with psycopg.connect(make_database(*SCHEMA), autocommit=True) as session:
        yield session


def test_normalized_texts_run_and_meet_rows(connection: Session) -> None:
    texts = (
        "SELECT extract($1 FROM at), count(*) FROM visit GROUP BY 1",
        "SELECT * FROM visit WHERE extract($1 FROM at) > $2",
        "SELECT * FROM visit WHERE at > timestamptz $1 - interval $2",
        "SELECT * FROM visit WHERE day < date $1 OR at < timestamp with time zone $2",
        "SELECT * FROM visit WHERE day <= current_date + $1",
        "SELECT * FROM visit WHERE day <= $1::date - $2",
        "SELECT date_trunc($1, at) AS d, sum(fee) FROM visit GROUP BY date_trunc('month', at)",
        "SELECT date_trunc($1, at AT TIME ZONE $2), count(*) FROM visit GROUP BY 1",
        "SELECT * FROM visit WHERE id IN ($1 /*, ... */)",
        "SELECT * FROM visit WHERE ward = ANY(ARRAY[$1 /*, ... */]) AND fee >= $2",
        "SELECT * FROM visit ORDER BY at DESC LIMIT $1 OFFSET $2",
        "SELECT substring(code from $1 for $2), count(*) FROM visit GROUP BY 1",
        "SELECT percentile_cont($1) WITHIN GROUP (ORDER BY fee) FROM visit",
        "SELECT json_build_object($1, code, $2, fee) FROM visit LIMIT $3",
        "WITH RECURSIVE r(n) AS (SELECT $1 UNION ALL SELECT n + $2 FROM r WHERE n < $3) "
        "SELECT * FROM r",
    )
    tasks, refused = plan_tasks(connection, [SentStatement(t, t, 1) for t in texts], seed=1)
    assert refused == ()
    for task in tasks:
        plans = work_of(connection, task.before, writes=False).plans
        assert any(float(p.root.details["Actual Rows"]) > 0 for p in plans), task.text


@pytest.mark.parametrize("rows", [2, 60])
@pytest.mark.parametrize(
    "head",
    [
        "INSERT INTO visit (id, ward, code) VALUES {rows}",
        "INSERT INTO visit VALUES {rows}",
        "INSERT INTO visit (id, ward, code) VALUES {rows} "
        "ON CONFLICT (id) DO UPDATE SET ward = EXCLUDED.ward",
    ],
)
def test_many_rows_in_one_insert(connection: Session, head: str, rows: int) -> None:
    """No row twice: neither a new key nor a row to update."""
    values = ", ".join(f"(${3 * n + 1}, ${3 * n + 2}, ${3 * n + 3})" for n in range(rows))
    text = head.format(rows=values)
    tasks, refused = plan_tasks(connection, [SentStatement("f", text, 1)], seed=1)
    assert refused == ()
    for (run,) in tasks[0].before:
        with connection.transaction(force_rollback=True):
            cursor = psycopg.RawCursor(connection)
            cursor.execute(text.encode(), run.values)
            assert cursor.rowcount == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT pg_advisory_lock($1)", "it calls pg_advisory_lock, which no rollback undoes"),
        ("SELECT normalize($1, $2)", r'cannot be run: syntax error at or near "\$2"'),
        ("SELECT absent FROM visit WHERE id = $1", 'cannot be run: column "absent" does not'),
        ("<insufficient privilege>", "not a query and not DML"),
    ],
)
def test_refusals_name_the_reason_and_the_share(connection: Session, text: str, said: str) -> None:
    _, (left,) = plan_tasks(connection, [SentStatement("f", text, 1, 0.25)], seed=1)
    assert re.search(said, left.reason)
    assert left.share == 0.25


def test_what_runs_stays_as_it_is(connection: Session) -> None:
    text = "SELECT 'interval $9', \"day\" FROM visit WHERE id = $1 -- $2"
    assert runnable(connection, text) == text


def test_lists_get_elements() -> None:
    assert with_lists("a IN ($1 /*, ... */) AND b = $2 AND c IN ($3 /*, ... */)") == (
        "a IN ($1, $4, $5, $6, $7) AND b = $2 AND c IN ($3, $8, $9, $10, $11)"
    )
    assert with_lists("a = $1 /* of $2 */") == "a = $1 /* of $2 */"


def test_numbers_close_up() -> None:
    assert renumbered("$2 $5 $12 $5") == "$1 $2 $3 $2"
