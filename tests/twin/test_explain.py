"""`dbtune explain`: plans before and after, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dbtune.cli import make_app
from dbtune.collect import collect
from dbtune.errors import BadInput
from dbtune.snapshot.catalog import SchemaObject
from dbtune.snapshot.file import write_snapshot
from dbtune.snapshot.model import Snapshot

QUERY = "SELECT * FROM customer WHERE name = $1 AND name <> ''"
INDEX = (
    "CREATE INDEX CONCURRENTLY customer_name ON customer (name) TABLESPACE fast WHERE name <> ''"
)


@pytest.fixture
def snapshot_file(shop: Snapshot, tmp_path: Path) -> str:
    path = tmp_path / "shop of ours.dbtune"
    write_snapshot(shop, path)
    return str(path)


def explain(*arguments: str) -> str:
    result = CliRunner().invoke(make_app(), ["explain", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_json_has_both_plans_and_their_ratio(snapshot_file: str) -> None:
    document = json.loads(explain(snapshot_file, QUERY, "--with", INDEX, "--json"))
    assert document["schema"] == 1
    before, after = document["before"], document["after"]
    assert document["ratio"] == after["total_cost"] / before["total_cost"] < 0.5
    assert after["plan"]["Index Name"] == "customer_name"
    assert document["hypothetical_size_bytes"]["customer_name"] > 2000 * 20


def test_text_marks_what_goes_and_what_comes(snapshot_file: str, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT * FROM customer WHERE id = 7;\n")
    text = explain(snapshot_file, "-f", str(tmp_path / "q.sql"), "--without", "customer_pkey")
    assert "\n+ Seq Scan on customer" in text
    assert text.startswith("- Index Scan using customer_pkey on customer")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name one statement"),
        (["SELECT 1", "--analyze"], "no rows"),
        (["SELECT 1", "--with", "DROP TABLE customer"], "Not one CREATE INDEX"),
        (["SELECT 1", "--with", "CREATE INDEX ON customer (id); DROP TABLE customer"], "Not one"),
        ([""], "no statement"),
        (["SELECT 1", "--with", "CREATE INDEX ON customer (nope)"], '"nope" does not exist'),
        (["SELECT 1", "--without", "nope"], "no index named nope"),
        (["SELECT nope"], "cannot be planned"),
    ],
)
def test_what_cannot_be_done_is_told(snapshot_file: str, arguments: list[str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        explain(snapshot_file, *arguments)


def test_file_may_begin_with_a_byte_order_mark(snapshot_file: str, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_bytes(b"\xef\xbb\xbfSELECT * FROM customer WHERE id = 7;\n")
    assert "Index Scan" in explain(snapshot_file, "-f", str(tmp_path / "q.sql"))


def test_statement_may_come_from_standard_input(snapshot_file: str) -> None:
    arguments = ["explain", snapshot_file, "-f", "-"]
    result = CliRunner().invoke(make_app(), arguments, input="SELECT * FROM customer WHERE id = 7;")
    assert "Index Scan" in result.stdout


def test_what_the_twin_lacks_is_told_where_it_may_be_the_cause(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    snapshot = collect(make_database("CREATE TABLE t (a int)"))
    absent = SchemaObject("function", "f(integer)", "CREATE FUNCTION f(int) nonsense")
    path = tmp_path / "t.dbtune"
    write_snapshot(replace(snapshot, objects=(absent,)), path)
    with pytest.raises(BadInput) as unknown:
        explain(str(path), "SELECT f(a) FROM t")
    with pytest.raises(BadInput) as broken:
        explain(str(path), "SELECT FROM FROM t")
    assert "function f(integer)" in unknown.value.remedy
    assert broken.value.remedy == ""


def test_analyze_refuses_to_write(shop_dsn: str) -> None:
    assert "execution time" in explain(shop_dsn, "SELECT count(*) FROM customer", "--analyze")
    with pytest.raises(BadInput, match="read-only"):
        explain(shop_dsn, "DELETE FROM customer", "--analyze")
