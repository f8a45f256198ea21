"""A rewritten condition keeps the very same rows, in any time zone, as the server itself says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.rewrite import rewrite
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.statement.parse import parse

SCHEMA = """
CREATE TABLE log (
  id int PRIMARY KEY, at timestamptz, "localAt" timestamp, pages int, token uuid, grade text,
  price numeric, big bigint);
INSERT INTO log SELECT n, timestamptz '2030-03-08 22:30+00' + n * interval '17 minutes',
    timestamp '2029-12-30 22:30' + n * interval '97 minutes', n % 40, md5((n % 90)::text)::uuid,
    CASE WHEN n % 3 = 0 THEN 'g' || n % 5 END, n % 7, n
  FROM generate_series(1, 3000) n;
INSERT INTO log SELECT -n FROM generate_series(1, 5) n;
"""

OPERATORS = ["=", "<", "<=", ">", ">="]
WRAPPED = [
    *(f"date(at) {o} '2030-03-10'" for o in OPERATORS),
    *(f"at::date {o} '2030-03-31'" for o in OPERATORS),
    *(f"""date("localAt") {o} '2030-01-01'""" for o in OPERATORS),
    *(f"date_trunc('day', at) {o} '2030-03-10'" for o in OPERATORS),
    *(f"""date_trunc('month', "localAt") {o} '2030-02-01'""" for o in OPERATORS),
    *(f"""date_trunc('hour', "localAt") {o} '2030-01-02 03:00'""" for o in OPERATORS),
    *(f"""extract(year from "localAt") {o} 2030""" for o in OPERATORS),
    *(f"extract(year from at) {o} 2030" for o in OPERATORS),
    *(f"pages + 3 {o} 20" for o in OPERATORS),
    *(f"pages - 3 {o} 20" for o in OPERATORS),
    "at::date BETWEEN '2030-03-09' AND '2030-03-10'",
    "coalesce(grade, 'g0') = 'g0'",
    "coalesce(grade, 'g0') = 'g1'",
    "coalesce(pages, 0) = 0",
    "pages::text = '7'",
    "token::text = '8f14e45f-ceea-167a-5a36-dedd4bea2543'",
    "big::varchar = '12'",
]

KEPT = [
    "to_char(at, 'YYYY') = '2030'",
    "extract(month from at) = 3",
    "at AT TIME ZONE 'Europe/Paris' > '2030-03-10'",
    "pages * 2 = 8",
    "lower(grade) = 'g1'",
    "coalesce(grade, 'x', 'y') = 'g1'",
    "date_trunc('decade', at) = '2030-01-01'",
    "price + 1 = 3",
    "pages::text > '7'",
]


@pytest.fixture
def log(make_database: Callable[..., str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(make_database(SCHEMA), autocommit=True) as connection:
        yield connection


def rewritten(snapshot: Snapshot, condition: str) -> str | None:
    parsed = parse(f"SELECT id FROM log WHERE {condition}", snapshot)
    assert isinstance(parsed, Statement), parsed
    quals = [q for q in parsed.relations[0].quals if q.expression]
    column = snapshot.relations[0].column(quals[0].column)
    assert column is not None
    found = rewrite(quals, column)
    return found.condition if found else None


def test_a_rewritten_condition_keeps_the_same_rows(log: psycopg.Connection) -> None:
    snapshot = collect(log.info.dsn)
    for zone in ("UTC", "America/New_York", "Asia/Kathmandu"):
        log.execute(f"SET TimeZone = '{zone}'".encode())
        for condition in WRAPPED:
            bare = rewritten(snapshot, condition)
            if bare is None:
                pytest.fail(f"not rewritten: {condition}")
            ids = [
                log.execute(f"SELECT id FROM log WHERE {c} ORDER BY id".encode()).fetchall()
                for c in (condition, bare)
            ]
            assert ids[0] == ids[1], f"{condition} is not {bare} in {zone}"


def test_what_cannot_be_said_of_the_bare_column_is_left(log: psycopg.Connection) -> None:
    snapshot = collect(log.info.dsn)
    assert {c: rewritten(snapshot, c) for c in KEPT} == dict.fromkeys(KEPT)
