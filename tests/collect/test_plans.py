"""Plans of the target's own planner: only when asked for, and only of statements that read."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.assemble import assemble_workload
from dbtune.collect import CollectOptions, collect
from dbtune.collect.plans import only_reads
from dbtune.plan import Plan, read_plan
from dbtune.progress import Silent
from dbtune.snapshot.scope import Scope

SCHEMA = """
CREATE SCHEMA "My App";
CREATE TABLE "My App".item (id integer PRIMARY KEY, price integer, note text);
INSERT INTO "My App".item SELECT i, i, i FROM generate_series(1, 5000) i;
ANALYZE "My App".item;
"""


@pytest.fixture
def asked(make_database: Callable[..., str]) -> str:
    """A database where item was asked for under a search path, with and without parameters."""
    dsn = make_database(SCHEMA)
    own = make_conninfo(dsn, options='-csearch_path="My\\ App"')
    with psycopg.connect(own, autocommit=True) as connection:
        connection.execute("SELECT note FROM item WHERE id = %s", [7])
        connection.execute("SELECT count(*) FROM item")
        connection.execute("SELECT now() - interval '3 days'")
        connection.execute("UPDATE item SET note = 'x' WHERE id = %s", [8])
        connection.execute("SELECT note FROM item WHERE id = %s FOR UPDATE", [9])
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET search_path = "My App"'.encode())
    return dsn


def test_no_plan_without_asking(asked: str) -> None:
    assert {s.target_plan for s in collect(asked).statements} == {None}


def test_generic_plans_of_what_only_reads(asked: str) -> None:
    snapshot = collect(asked, CollectOptions(plans_from_target=100))
    plans = {
        s.text: read_plan(json.loads(s.target_plan)) for s in snapshot.statements if s.target_plan
    }
    lookup = plans["SELECT note FROM item WHERE id = $1"]
    assert lookup.indexes_used() == {"item_pkey"}
    assert lookup.root.relation is not None
    assert lookup.root.relation.schema == "My App"
    assert lookup.root.details["Index Cond"] == "(item.id = $1)"
    assert plans["SELECT count(*) FROM item"].root.node_type == "Aggregate"
    assert [text for text in plans if "UPDATE" in text or "interval" in text] == []
    assert snapshot.not_collected == ()
    assert len(snapshot.relations) == 1


def test_generic_plan_of_a_partitioned_relation_shows_its_partitions(
    make_database: Callable[..., str],
) -> None:
    """Before 16 a generic plan is asked for with NULLs, for which no partition would be scanned."""
    dsn = make_database(
        "CREATE TABLE event (id int, at date, PRIMARY KEY (at, id)) PARTITION BY RANGE (at)",
        "CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-07-01')",
        "CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2024-07-01') TO ('2025-01-01')",
        "INSERT INTO event SELECT i, date '2024-01-01' + i % 365 FROM generate_series(1, 9000) i",
        "ANALYZE event",
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT count(*) FROM event WHERE at = %s", ["2024-05-05"])
    snapshot = collect(dsn, CollectOptions(plans_from_target=100))
    (text,) = (s.target_plan for s in snapshot.statements if "FROM event WHERE" in s.text)
    plan = read_plan(json.loads(text or ""))
    scanned = {node.relation.name for node in plan.root.walk() if node.relation}
    assert scanned == {"event_1", "event_2"}


def test_a_workload_without_an_engine_has_the_targets_plans(asked: str) -> None:
    snapshot = collect(asked, CollectOptions(plans_from_target=100))
    workload = assemble_workload(snapshot, None, Scope(), Silent())
    plans = {s.text: s.plan for s in workload.statements}
    lookup = plans["SELECT note FROM item WHERE id = $1"]
    assert isinstance(lookup, Plan)
    assert lookup.indexes_used() == {"item_pkey"}


def test_only_so_many_as_asked_for(asked: str) -> None:
    snapshot = collect(asked, CollectOptions(plans_from_target=1))
    assert sum(s.target_plan is not None for s in snapshot.statements) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", True),
        ("(TABLE t)", True),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", False),
        ("SELECT 1 FROM t FOR SHARE", False),
        ('SELECT "update" FROM t', True),
        ("INSERT INTO t VALUES (1)", False),
        ("COPY t TO STDOUT", False),
        ("SELECT 1; COMMIT", False),
        ("SELECT 'a;b'", True),
        ("SELECT 'cut off", False),
        ("", False),
    ],
)
def test_what_only_reads(text: str, expected: bool) -> None:
    assert only_reads(text) == expected
