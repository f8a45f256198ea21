"""Locks: dbtune waits for nobody, and takes nothing stronger than ACCESS SHARE."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.collect.catalog import read_catalog
from dbtune.collect.connect import connected
from dbtune.collect.session import Session
from dbtune.identifier import QualifiedName
from dbtune.snapshot.model import Snapshot

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE held (
    id integer PRIMARY KEY,
    name text DEFAULT upper('x') COLLATE "C",
    twice integer GENERATED ALWAYS AS (id * 2) STORED,
    mood mood,
    CHECK (id > 0)
) WITH (fillfactor = 80);
CREATE INDEX held_lower ON held (lower(name)) WHERE id > 10;
CREATE INDEX held_mood ON held (mood DESC, name text_pattern_ops) INCLUDE (twice);
CREATE STATISTICS held_both ON id, name, (id % 3) FROM held;
CREATE VIEW seen AS SELECT name FROM held WHERE id > 5;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM seen JOIN held USING (name);
CREATE POLICY only_some ON held USING (id < 100);
CREATE RULE nothing AS ON DELETE TO held DO INSTEAD NOTHING;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON held FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE part (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE free (id integer REFERENCES held);
INSERT INTO held (id, name) SELECT i, i FROM generate_series(1, 500) i;
INSERT INTO free SELECT i FROM generate_series(1, 500) i;
ANALYZE;
"""


def without_time(snapshot: Snapshot) -> object:
    return (snapshot.relations, snapshot.indexes, snapshot.constraints, snapshot.objects)


@pytest.fixture
def schema(make_database: Callable[..., str]) -> str:
    return make_database(SCHEMA)


def test_a_lock_that_conflicts_with_all_but_access_share_changes_nothing(schema: str) -> None:
    before = collect(schema)
    with psycopg.connect(schema) as other:
        other.execute("LOCK TABLE held, part, part_1, free IN EXCLUSIVE MODE")
        during = collect(schema)
    assert during.not_collected == before.not_collected == ()
    assert without_time(during) == without_time(before)


@pytest.mark.parametrize("locked", ["held", "part", "part_1", "kept", "free"])
def test_a_relation_under_access_exclusive_is_stepped_around(schema: str, locked: str) -> None:
    before = collect(schema)
    with psycopg.connect(schema) as other:
        if locked == "kept":
            other.execute("REFRESH MATERIALIZED VIEW kept")
        else:
            other.execute(f"LOCK TABLE ONLY {locked} IN ACCESS EXCLUSIVE MODE".encode())
        during = collect(schema)
    name = QualifiedName("public", locked)
    assert len(during.not_collected) == 1
    assert locked in during.not_collected[0].what
    assert during.relation_by_name[name].size_bytes == before.relation_by_name[name].size_bytes
    assert [r.name for r in during.relations] == [r.name for r in before.relations]
    lost = {i.name.name for i in before.indexes} - {i.name.name for i in during.indexes}
    assert lost == ({"held_lower"} if locked == "held" else set())
    assert (
        during.relation_by_name[name].partition_key == before.relation_by_name[name].partition_key
    )
    others = {r.name: r for r in before.relations if r.name.name not in (locked, "seen", "kept")}
    assert {n: during.relation_by_name[n] for n in others} == others


def test_what_is_dropped_meanwhile_does_no_harm(schema: str) -> None:
    with connected(schema) as connection, psycopg.connect(schema, autocommit=True) as other:
        session = Session(connection)
        session.begin()
        selected = session.rows("selection")
        other.execute("DROP TABLE held CASCADE; DROP TABLE part; DROP FUNCTION touch")
        found = read_catalog(session, selected)
    assert {r.name.name for r in found.relations} >= {"free"}
    assert {i.relation.name for i in found.indexes} <= {r.name.name for r in found.relations}
    assert session.not_collected == []


def test_a_lock_taken_meanwhile_is_stepped_around_too(schema: str) -> None:
    with connected(schema) as connection, psycopg.connect(schema) as other:
        session = Session(connection)
        session.begin()
        assert session.locked == ()
        selected = [row["oid"] for row in session.rows("selection")]
        other.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        rows = session.rows("relations", {"selected": selected})
        assert {row["name"]["name"] for row in rows if row["is_blocked"]} == {
            "held", "seen", "kept",
        }  # fmt: skip
        assert len(session.rows_in("objects", {"selected": selected})) > 3
        assert session.not_collected == []
