"""Parameters: what each `$n` is, and whether the drawn values find rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import RawCursor
from psycopg.conninfo import make_conninfo

from dbtune.bench.ground import read_ground
from dbtune.bench.parameters import ParameterSet, array_literal, draw
from dbtune.bench.roles import Role, prepare
from tests.conftest import TestServer

SCHEMA = """
CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE TABLE "Branch" ("branchId" int PRIMARY KEY, city text NOT NULL);
CREATE TABLE booking (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "branchId" int NOT NULL REFERENCES "Branch",
  code uuid NOT NULL UNIQUE, guest text, state mood NOT NULL, tags text[], extra jsonb,
  begins timestamptz NOT NULL, price numeric, UNIQUE ("branchId", code));
INSERT INTO "Branch" SELECT n, 'City ' || n FROM generate_series(1, 30) n;
INSERT INTO booking ("branchId", code, guest, state, tags, extra, begins, price)
SELECT 1 + (n % 30) * (n % 3) / 2, md5(n::text)::uuid, 'Guest ' || n % 500,
       (CASE WHEN n % 5 = 0 THEN 'busy' ELSE 'calm' END)::mood, ARRAY['t' || n % 7, 'x'],
       jsonb_build_object('channel', 'c' || n % 9), '2026-01-01'::timestamptz + n * interval '1 h',
       n % 90
FROM generate_series(1, 4000) n;
VACUUM ANALYZE;
"""


Session = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def connection(server: TestServer) -> Iterator[Session]:
    """A session on a database of bookings; every test leaves it as it was."""
    name = f"bookings_{os.getpid()}"
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        dsn = make_conninfo(server.dsn, dbname=name)
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as session:
            for statement in SCHEMA.split(";\n"):
                session.execute(statement.encode())
            yield session
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def roles(connection: Session, text: str) -> list[tuple[str, str | None]]:
    return [(r.use, r.column) for r in prepare(connection, text).roles]


def sets(connection: Session, text: str) -> tuple[ParameterSet, ...]:
    prepared = prepare(connection, text)
    return draw(prepared, read_ground(connection, [prepared]), seed=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('SELECT * FROM booking WHERE "branchId"=$1', [("equal", "branchId")]),
        (
            "SELECT * FROM booking b JOIN \"Branch\" r USING (\"branchId\") WHERE r.city = $1 "
            "AND b.begins >= $2 AND $3 > b.begins ORDER BY b.begins LIMIT $4 OFFSET $5",
            [("equal", "city"), ("low", "begins"), ("high", "begins"), ("limit", None),
             ("offset", None)],
        ),
        (
            "SELECT * FROM booking WHERE price BETWEEN $1 AND $2 AND guest ILIKE $3 "
            "AND state = $4 AND tags @> $5 AND id = ANY($6)",
            [("low", "price"), ("high", "price"), ("like", "guest"), ("equal", "state"),
             ("contains", "tags"), ("in", "id")],
        ),
        ("SELECT * FROM booking WHERE guest IN ($1,$2)", [("equal", "guest"), ("equal", "guest")]),
        (
            'INSERT INTO booking ("branchId", code, state, begins) '
            "VALUES ($1,$2,$3,$4),($5,$6,$7,$8)",
            [("write", c) for c in ("branchId", "code", "state", "begins")] * 2,
        ),
        (
            "UPDATE booking SET guest = $1, price = price * $2 WHERE code = $3",
            [("write", "guest"), ("other", None), ("equal", "code")],
        ),
        ("SELECT $1::int + 1", [("other", None)]),
    ],
)  # fmt: skip
def test_roles(
    connection: Session,
    text: str,
    expected: list[tuple[str, str | None]],
) -> None:
    assert roles(connection, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'SELECT * FROM booking WHERE "branchId" = $1 AND guest = $2',
        "SELECT * FROM booking WHERE begins >= $1 AND begins < $2",
        "SELECT * FROM booking WHERE guest ILIKE $1 LIMIT $2",
        "SELECT * FROM booking WHERE extra @> $1 AND state = $2",
        "SELECT * FROM booking WHERE id = ANY($1)",
        "DELETE FROM booking WHERE code = $1",
        'UPDATE booking SET state = $1 WHERE id IN (SELECT id FROM booking WHERE "branchId" = $2)',
        'INSERT INTO booking ("branchId", code, state, begins) VALUES ($1, $2, $3, $4)',
        'INSERT INTO booking ("branchId", code, state, begins) VALUES ($1, $2, $3, $4) '
        "ON CONFLICT (code) DO UPDATE SET begins = EXCLUDED.begins",
    ],
)
def test_drawn_values_meet_rows(connection: Session, text: str) -> None:
    drawn = sets(connection, text)
    assert {"common", "typical", "rare"} >= {s.kind for s in drawn}
    for one in drawn:
        with connection.transaction(force_rollback=True):
            cursor = RawCursor(connection)
            cursor.execute(text.encode(), one.values)
            assert cursor.rowcount > 0, one


def test_common_values_are_more_common_than_rare_ones(
    connection: Session,
) -> None:
    text = 'SELECT count(*) FROM booking WHERE "branchId" = $1'
    counts = {}
    for one in sets(connection, text):
        row = RawCursor(connection).execute(text.encode(), one.values).fetchone()
        assert row is not None
        counts[one.kind] = row[0]
    assert counts["common"] > counts["rare"] > 0


def test_a_type_is_all_that_is_known(connection: Session) -> None:
    drawn = sets(connection, "SELECT $1::mood, $2::uuid, $3::int[]")
    assert drawn[0].values[0] == "calm"
    assert drawn[0].guessed == (1, 2, 3)


def test_equal_seeds_draw_equal_values(connection: Session) -> None:
    text = "SELECT * FROM booking WHERE guest = $1 AND begins > $2"
    assert sets(connection, text) == sets(connection, text)


def test_a_text_that_cannot_be_prepared_is_an_error_of_the_server(
    connection: Session,
) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        prepare(connection, "SELECT now() - interval $1")
    assert prepare(connection, "SELECT $1::int").roles == (Role(1, "integer", "other"),)


def test_array_literals_keep_hostile_elements(
    connection: Session,
) -> None:
    hostile = ['a"b', 'a"b', "back\\slash", "{x,y}", "", "NULL", "it's"]
    row = connection.execute("SELECT %s::text[]", (array_literal(hostile),)).fetchone()
    assert row == (hostile,)
