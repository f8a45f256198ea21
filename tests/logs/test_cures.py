"""Cures of loops: they plan, and do what the loop does; values in logs stay private."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import psycopg
import pytest

from dbtune.access.batched_write import batched_write
from dbtune.access.cure import batched
from dbtune.collect import collect
from dbtune.collect.same_rows import comparing
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import outline
from dbtune.traffic import LoopRuns
from tests.logs.conftest import LoggingServer

_SCHEMA = """
CREATE TABLE grower (id int PRIMARY KEY, name text, "eMail" text);
CREATE TABLE apple (
    id bigserial PRIMARY KEY, grower_id int REFERENCES grower, sort text, grams int,
    tags text[] DEFAULT '{}', UNIQUE (grower_id, sort));
INSERT INTO grower SELECT n, 'grower ' || n, 'g' || n || '@example.org'
    FROM generate_series(1, 40) n;
INSERT INTO apple (grower_id, sort, grams)
    SELECT 1 + n % 40, 'sort ' || n, n FROM generate_series(1, 200) n;
ANALYZE;
"""


@pytest.fixture
def orchard(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_SCHEMA)
    return database


WRITES: dict[str, list[tuple[object, ...]]] = {
    "INSERT INTO apple (grower_id, sort, grams) VALUES ($1, $2, $3)": [
        (1, "a", 5), (2, "b", 6), (3, "c", 7),
    ],
    "INSERT INTO apple (id, grower_id, sort, grams) VALUES (DEFAULT, $1, upper($2), $3 * 2)": [
        (4, "d", 5), (5, "e", 6),
    ],
    "INSERT INTO apple (grower_id, sort, grams) VALUES ($1, $2, $3)"
    " ON CONFLICT (grower_id, sort) DO UPDATE SET grams = apple.grams + excluded.grams": [
        (2, "sort 1", 5), (3, "sort 2", 6), (9, "new", 1),
    ],
    "INSERT INTO apple (grower_id, sort, grams) VALUES ($1, $2, $3)"
    " ON CONFLICT (grower_id, sort) DO UPDATE SET grams = $3": [(2, "sort 1", 5), (3, "x", 6)],
    "UPDATE apple SET grams = grams + $1, sort = $2 WHERE id = $3 AND grams < $4": [
        (100, "u1", 7, 999), (200, "u2", 8, 999),
    ],
    "UPDATE apple AS a SET grams = $1 WHERE a.id = $2": [(1, 11), (2, 12)],
    "DELETE FROM apple WHERE grower_id = $1 AND sort = $2": [(2, "sort 1"), (3, "sort 2")],
}  # fmt: skip


@pytest.mark.parametrize("text", WRITES)
def test_a_batched_write_writes_what_the_loop_does(orchard: str, text: str) -> None:
    batch = batched_write(text, "apple", collect(orchard))
    assert batch is not None
    rows = WRITES[text]
    found = []
    with psycopg.connect(orchard) as connection:
        at_once: list[tuple[str, Sequence[object]]] = [(batch, _columns(rows, text))]
        for statements in ([(text, row) for row in rows], at_once):
            with psycopg.RawCursor(connection) as cursor:
                for statement, values in statements:
                    cursor.execute(statement.encode(), values)
                cursor.execute("SELECT grower_id, sort, grams FROM apple ORDER BY 1, 2, 3")
                found.append(cursor.fetchall())
            connection.rollback()
        with psycopg.RawCursor(connection) as cursor:
            cursor.execute("SELECT grower_id, sort, grams FROM apple ORDER BY 1, 2, 3")
            assert found[0] == found[1] != cursor.fetchall()


def _columns(rows: list[tuple[object, ...]], text: str) -> list[object]:
    """Arrays for what is a row's, one value for what is compared otherwise."""
    columns: list[object] = [list(column) for column in zip(*rows, strict=True)]
    if "< $4" in text:
        columns[3] = rows[0][3]
    return columns


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("INSERT INTO apple (grower_id, tags) VALUES ($1, $2)", "apple"),
        ("INSERT INTO apple (grower_id) SELECT $1", "apple"),
        ("UPDATE apple SET grams = 1", "apple"),
        ("INSERT INTO elsewhere (a) VALUES ($1)", "elsewhere"),
        ("INSERT INTO apple (grower_id, sort) VALUES ($1", "apple"),
    ],
)
def test_what_cannot_be_batched_is_not(orchard: str, text: str, target: str) -> None:
    assert batched_write(text, target, collect(orchard)) is None


READS = [
    ("SELECT * FROM grower WHERE id = $1", ["id"], [("1",), ("2",), ("2",), ("99",)]),
    ("SELECT name FROM grower WHERE id = $1 LIMIT 1", ["id"], [("1",), ("2",)]),
    ("SELECT id, name FROM grower WHERE grower.id IN ($1)", ["id"], [("1",), ("2",), ("99",)]),
    (
        "SELECT id, sort FROM apple WHERE grower_id IN ($1) LIMIT $2 OFFSET $3",
        ["grower_id"], [("1", "3", "0"), ("3", "3", "0")],
    ),
    ("SELECT count(*) FROM apple WHERE grower_id = $1", ["grower_id"], [("1",), ("3",)]),
    (
        "SELECT id, grams FROM apple WHERE $1 = grower_id ORDER BY id DESC LIMIT $2",
        ["grower_id"], [("1", "2"), ("3", "2")],
    ),
    (
        "SELECT grams FROM apple WHERE sort = $1 AND grower_id = $2",
        ["sort", "grower_id"], [("sort 1", "2"), ("sort 2", "3"), ("sort 2", "1")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "columns", "runs"), READS)
def test_a_batched_read_returns_the_rows_of_the_loop(
    orchard: str, text: str, columns: list[str], runs: list[tuple[str, ...]]
) -> None:
    seen = outline(text)
    named = [ColumnName(seen.relations[0], column) for column in columns]
    batch = batched(text, seen, named, collect(orchard))
    assert batch is not None
    loop = LoopRuns(text, tuple(runs), batch.text, batch.parameters, batch.arrays, batch.leads)
    with comparing(orchard) as compared:
        assert compared.same_rows(loop) is True


def test_other_rows_are_noticed_and_writes_refused(orchard: str) -> None:
    lookup = "SELECT * FROM grower WHERE id = $1"
    runs = (("1",), ("2",))
    other = "SELECT * FROM grower WHERE id <> ALL($1)"
    write = "DELETE FROM apple WHERE grower_id = $1 RETURNING id"
    with comparing(orchard) as compared:
        assert compared.same_rows(LoopRuns(lookup, runs, other, (1,), frozenset({1}), 0)) is False
        assert compared.same_rows(LoopRuns(write, runs, write, (1,), frozenset(), 0)) is None
    with psycopg.connect(orchard) as connection:
        row = connection.execute("SELECT count(*) FROM apple").fetchone()
        assert row == (200,)


def _visited(dsn: str) -> None:
    """A page that names people: a loop, a lookup by e-mail again and again, writes row by row."""
    choice = Random(1)
    with psycopg.connect(dsn, autocommit=True) as one:
        with one.transaction():
            for (key,) in one.execute("SELECT grower_id FROM apple LIMIT 12").fetchall():
                one.execute("SELECT * FROM grower WHERE id = %s", (key,)).fetchall()
        with one.transaction():
            for _ in range(7):
                one.execute(
                    'SELECT name FROM grower WHERE "eMail" = %s', ("zelda.quince@example.org",)
                ).fetchall()
        with one.transaction():
            for _ in range(8):
                one.execute(
                    "INSERT INTO apple (grower_id, sort, grams) VALUES (%s, %s, 1)",
                    (1, f"Zelda Quince {choice.random()}"),
                )
        with one.transaction():
            for n in range(8):
                one.execute(
                    f"UPDATE apple SET sort = 'Zelda Quince {n}' WHERE id = {n + 1}".encode()
                )


def test_an_analysis_checks_its_cures_and_names_nobody(
    logging_server: LoggingServer, tmp_path: Path
) -> None:
    with psycopg.connect(logging_server.dsn(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS orchard WITH (FORCE)")
        connection.execute("CREATE DATABASE orchard")
    dsn = logging_server.dsn("orchard")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_SCHEMA)
    logging_server.rotate()
    _visited(dsn)
    log = logging_server.logged(tmp_path)["csvlog"]
    asked = ["analyze", dsn, "--logs", str(log), "--verify", dsn, "--out", str(tmp_path / "out")]
    formats = [arg for name in ("text", "md", "sarif") for arg in ("--format", name)]
    done = subprocess.run(
        [sys.executable, "-m", "dbtune", *asked, *formats],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    told = {f["rule"]: f["evidence"] for f in report["findings"] if "child_query" in f["evidence"]}
    assert set(told) == {"n-plus-one", "row-by-row-write", "repeated-identical-query"}
    assert told["n-plus-one"]["batched_check"] == "returns the same rows"
    assert told["row-by-row-write"]["batched_check"] == "plans"
    written = [file.read_text() for file in (tmp_path / "out").iterdir()]
    for planted in ("Zelda", "Quince", "zelda.quince"):
        assert planted not in "\n".join([done.stdout, done.stderr, *written])
