"""The schema in a snapshot is whole: what is rebuilt from it is collected as the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from dbtune.collect import CollectOptions, collect
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.file import from_bytes, to_bytes
from dbtune.snapshot.model import Snapshot
from dbtune.twin.ddl import object_phases, relation_phases

HARD = Path(__file__).with_name("hard_schema.sql").read_text(encoding="utf-8")
LEAD = QualifiedName("Sales & Co", "Lead")


@pytest.fixture
def hard(make_database: Callable[..., str]) -> Snapshot:
    return collect(make_database(HARD))


def relation(snapshot: Snapshot, schema: str, name: str) -> Relation:
    return snapshot.relation_by_name[QualifiedName(schema, name)]


def rebuild(snapshot: Snapshot, dsn: str) -> list[str]:
    """Run a snapshot's DDL in an empty database; returns what failed for good."""
    first = [o.definition for o in snapshot.objects if o.kind in ("schema", "extension")]
    first.sort(key=lambda sql: "SCHEMA" not in sql.split()[:2])
    kinds = ("domain constraint", "policy", "trigger")
    last = [o.definition for o in snapshot.objects if o.kind in kinds]
    phases = [d.sql for phase in (*object_phases(snapshot),) for d in phase]
    phases += [d.sql for phase in (*relation_phases(snapshot),) for d in phase]
    pending = [*first, *phases, *last]
    with psycopg.connect(dsn, autocommit=True) as connection:
        while True:
            failed = [sql for sql in pending if not runs(connection, sql)]
            if len(failed) in (0, len(pending)):
                return failed
            pending = failed


def runs(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> bool:
    try:
        connection.execute(sql.encode())
    except psycopg.errors.DuplicateObject:
        return True
    except psycopg.Error:
        return False
    return True


def objects(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    return {(o.kind, o.identity, o.definition) for o in snapshot.objects}


def constraints(snapshot: Snapshot) -> set[tuple[str, QualifiedName, str]]:
    """All but NOT NULL, which columns tell; the twin never looks at rows to validate one."""
    return {
        (c.name, c.relation, c.definition.removesuffix(" NOT VALID"))
        for c in snapshot.constraints
        if c.kind != "n"
    }


def columns(snapshot: Snapshot) -> dict[str, list[object]]:
    return {
        str(r.name): [replace(c, number=0, statistics_target=None, storage="") for c in r.columns]
        for r in snapshot.relations
    }


def test_what_is_rebuilt_is_collected_as_the_same(
    hard: Snapshot, make_database: Callable[..., str]
) -> None:
    dsn = make_database()
    assert rebuild(hard, dsn) == []
    again = collect(dsn)
    assert objects(again) == objects(hard)
    assert columns(again) == columns(hard)
    assert {i.definition for i in again.indexes} == {i.definition for i in hard.indexes}
    assert constraints(again) == constraints(hard)
    kept = [r for r in hard.relations if r.kind != "m"]
    for old in kept:
        new = again.relation_by_name[old.name]
        assert (new.kind, new.options, new.parents) == (old.kind, old.options, old.parents)
        assert (new.partition_key, new.partition_bound) == (old.partition_key, old.partition_bound)
        assert (new.definition, new.foreign_server) == (old.definition, old.foreign_server)


def test_the_snapshot_comes_back_from_its_file(hard: Snapshot) -> None:
    assert from_bytes(to_bytes(hard), "hard") == hard


def test_no_address_and_no_password_of_a_foreign_server(hard: Snapshot) -> None:
    assert b"far" in repr(hard).encode()
    assert "planted-password" not in repr(hard)
    assert "db.example" not in repr(hard)


def test_members_of_extensions_are_left_out(hard: Snapshot) -> None:
    assert {o.identity for o in hard.objects if o.kind == "extension"} == {
        "citext", "pg_stat_statements", "pg_trgm",
    }  # fmt: skip
    assert [o for o in hard.objects if "trgm" in o.identity and o.kind != "extension"] == []
    assert [r.name for r in hard.relations if r.name.name == "pg_stat_statements"] == []


def test_partitions_know_their_parents(hard: Snapshot) -> None:
    parent = relation(hard, "other", "event_26")
    assert parent.kind == "p"
    assert parent.parents == (QualifiedName("other", "event"),)
    assert parent.partition_key == "LIST (org)"
    leaf = relation(hard, "other", "event_26_a")
    assert leaf.partition_bound is not None
    assert leaf.partition_bound.startswith("FOR VALUES IN (")
    parents = {i.name.name: i.parent for i in hard.indexes if i.relation.name.startswith("event")}
    assert parents["event_org_at_idx"] is None
    assert parents["event_26_org_at_idx"] == QualifiedName("other", "event_org_at_idx")


def test_constraints_say_what_they_refer_to(hard: Snapshot) -> None:
    named = {c.name: c for c in hard.constraints if c.relation == LEAD}
    foreign = named["to_org"]
    assert foreign.columns == foreign.referenced_columns == ("orgId",)
    assert foreign.referenced == QualifiedName("Sales & Co", "Organisation")
    assert (foreign.on_update, foreign.on_delete, foreign.validated) == ("c", "a", False)
    assert named["no overlap"].kind == "x"
    assert named["Lead key"].index == QualifiedName("Sales & Co", "Lead key")


def test_a_domain_and_an_enum_know_their_kind(hard: Snapshot) -> None:
    lead = relation(hard, *("Sales & Co", "Lead"))
    kinds = {c.name: (c.type_kind, c.type_length) for c in lead.columns}
    assert kinds["small"] == ("d", 4)
    assert kinds["mood"] == ("e", 4)
    assert kinds["home"] == ("c", -1)
    assert kinds["span"] == ("r", -1)
    assert lead.replica_identity == "f"
    assert lead.row_security


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (CollectOptions(schemas=("Sales*",)), {"Lead", "Organisation"}),
        (
            CollectOptions(schemas=("other.event*", "*.hashed")),
            {"event", "event_26", "event_26_a", "event_26_b", "hashed"},
        ),
        (CollectOptions(exclude=("other",)), {"Lead", "Organisation"}),
        (CollectOptions(exclude=("*",)), set()),
    ],
)
def test_only_the_wanted_relations(
    make_database: Callable[..., str], options: CollectOptions, expected: Iterable[str]
) -> None:
    snapshot = collect(make_database(HARD), options)
    assert {r.name.name for r in snapshot.relations} == expected
    assert {i.relation.name for i in snapshot.indexes} <= set(expected)
    kinds = {o.kind for o in snapshot.objects}
    assert {"type", "domain", "function"} <= kinds


def test_two_snapshots_of_one_state_are_equal(make_database: Callable[..., str]) -> None:
    dsn = make_database(HARD, "ANALYZE")
    first, second = collect(dsn), collect(dsn)
    assert replace(first, captured_at="", statements=()) == replace(
        second, captured_at="", statements=()
    )


def test_names_are_quoted_as_the_server_quotes_them(hard: Snapshot) -> None:
    assert quote_identifier("Sales & Co") == '"Sales & Co"'
    assert '"Sales & Co"."Mood"' in {o.identity for o in hard.objects}
