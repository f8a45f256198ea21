"""Up applies, down restores the very catalog, on the session's server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import psycopg
import pytest

from dbtune.advice import Change, CreateIndex, DropIndex, RebuildIndex, Recommendation
from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.migration import Step, write_migration
from dbtune.migration.comment import comment_text, size_text
from dbtune.migration.naming import leftover_name
from dbtune.snapshot.catalog import IndexKey

MakeDatabase = Callable[..., str]

SHOP = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text, region text NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, placed_at timestamptz,
    state text, doc jsonb);
CREATE INDEX orders_state_idx ON orders (state) WHERE state <> 'done';
CREATE INDEX orders_placed_idx ON orders (placed_at DESC NULLS LAST) INCLUDE (state)
    WITH (fillfactor = 80);
CREATE SCHEMA "Größe";
CREATE TABLE "Größe"."Line Item" ("orderId" bigint, "order" int, "weird""name" text);
"""

PARTITIONED = """
CREATE TABLE events (id bigint, at timestamptz NOT NULL, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE events_2024_a PARTITION OF events_2024 FOR VALUES IN ('a');
CREATE TABLE events_2024_rest PARTITION OF events_2024 DEFAULT;
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events SELECT g, '2024-01-01'::timestamptz + g * interval '1 day', 'a'
    FROM generate_series(1, 500) g;
CREATE INDEX events_kind_idx ON events (kind);
"""


def index_on(relation: str, *columns: str, schema: str = "public") -> CreateIndex:
    return CreateIndex(IndexSpec(QualifiedName(schema, relation), tuple(map(column_key, columns))))


def recommended(*changes: Change) -> list[Recommendation]:
    return [Recommendation(change, "because of a test") for change in changes]


def catalog(dsn: str) -> list[tuple[object, ...]]:
    """Every index as the server defines it, its parent and whether it is valid."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT pg_get_indexdef(indexrelid), indisvalid, inhparent::regclass::text"
            " FROM pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid"
            " JOIN pg_class r ON r.oid = indrelid AND r.relkind <> 't' AND r.oid >= 16384"
            " ORDER BY 1"
        ).fetchall()


def run(dsn: str, steps: Iterable[Step]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for step in steps:
            connection.execute(step.sql.encode())


def definition_of(dsn: str, name: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT pg_get_indexdef(%s::regclass)", [name]).fetchone()
    assert row
    return str(row[0])


def make_invalid(dsn: str, name: str) -> None:
    """What an interrupted build leaves behind."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name]
        )


def assert_there_and_back(dsn: str, *changes: Change) -> list[tuple[object, ...]]:
    """Apply up twice and down twice; returns the catalog in between."""
    before = catalog(dsn)
    migration = write_migration(recommended(*changes), collect(dsn))
    run(dsn, migration.up_steps)
    between = catalog(dsn)
    assert between != before
    assert all(valid for _, valid, _ in between)
    run(dsn, migration.up_steps)
    assert catalog(dsn) == between
    run(dsn, migration.down_steps)
    assert catalog(dsn) == before
    run(dsn, migration.down_steps)
    assert catalog(dsn) == before
    return between


def test_every_kind_of_index_there_and_back(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    orders = QualifiedName("public", "orders")
    quoted = QualifiedName("Größe", "Line Item")
    specs = [
        IndexSpec(orders, (column_key("customer_id"), column_key("placed_at", descending=True))),
        IndexSpec(orders, (IndexKey("placed_at", descending=True),), ("state", "customer_id")),
        IndexSpec(orders, (IndexKey("doc", opclass="jsonb_path_ops"),), access_method="gin"),
        IndexSpec(orders, (IndexKey(None, "lower(state)"),), predicate="(customer_id IS NULL)"),
        IndexSpec(orders, (column_key("placed_at"),), access_method="brin"),
        IndexSpec(orders, (IndexKey(None, "(doc ->> 'it''s'::text)"),)),
        IndexSpec(quoted, (column_key("order"), column_key('weird"name')), ("orderId",)),
    ]
    between = assert_there_and_back(dsn, *map(CreateIndex, specs))
    assert len(between) == len(specs) + 4


def test_dropped_indexes_come_back_as_they_were(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    orders = QualifiedName("public", "orders")
    drops = [
        DropIndex(QualifiedName("public", name), orders, definition_of(dsn, name))
        for name in ("orders_state_idx", "orders_placed_idx")
    ]
    between = assert_there_and_back(dsn, index_on("orders", "state", "id"), *drops)
    assert len(between) == 3


def test_partitioned_parent_is_valid_in_the_end(make_database: MakeDatabase) -> None:
    dsn = make_database(PARTITIONED)
    between = assert_there_and_back(dsn, index_on("events", "kind", "at"))
    assert len(between) == 10


def test_dropped_partitioned_index_comes_back(make_database: MakeDatabase) -> None:
    dsn = make_database(PARTITIONED)
    name = QualifiedName("public", "events_kind_idx")
    definition = definition_of(dsn, "events_kind_idx")
    drop = DropIndex(name, QualifiedName("public", "events"), definition)
    assert assert_there_and_back(dsn, drop) == []


def test_invalid_leftover_is_replaced(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    change = index_on("orders", "customer_id")
    run(dsn, write_migration(recommended(change), collect(dsn)).up_steps)
    between = catalog(dsn)
    name = change.spec.default_name()
    make_invalid(dsn, name)
    assert catalog(dsn) != between
    snapshot = collect(dsn)
    rebuild = RebuildIndex(QualifiedName("public", name), change.spec.relation)
    migration = write_migration(recommended(change, rebuild), snapshot)
    assert "REINDEX" not in migration.up
    run(dsn, migration.up_steps)
    assert catalog(dsn) == between


def test_rebuild_makes_an_invalid_index_valid(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    before = catalog(dsn)
    make_invalid(dsn, "orders_state_idx")
    name, orders = QualifiedName("public", "orders_state_idx"), QualifiedName("public", "orders")
    run(dsn, write_migration(recommended(RebuildIndex(name, orders)), collect(dsn)).up_steps)
    assert catalog(dsn) == before


def test_long_multibyte_names_stay_within_63_bytes(make_database: MakeDatabase) -> None:
    table, column = "t" + "ü" * 31, "日本語の列名" * 3
    dsn = make_database(f'CREATE TABLE "{table}" ("{column}" int, "{column[:-1]}" int)')
    changes = [index_on(table, column), index_on(table, column[:-1]), index_on(table, "ctid")]
    names = {c.spec.default_name() for c in changes}
    assert len(names) == 3
    assert all(len(name.encode()) <= 63 for name in names)
    assert_there_and_back(dsn, *changes[:2])


def test_a_name_that_is_taken_gets_a_number(make_database: MakeDatabase) -> None:
    change = index_on("orders", "customer_id")
    name = change.spec.default_name()
    dsn = make_database(SHOP, f"CREATE VIEW {name} AS SELECT 1")
    assert_there_and_back(dsn, change)
    assert f"{name}_2" in write_migration(recommended(change), collect(dsn)).up


def test_what_exists_is_not_made_again_nor_dropped(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP, "CREATE INDEX mine ON orders (customer_id)")
    migration = write_migration(recommended(index_on("orders", "customer_id")), collect(dsn))
    assert migration.is_empty
    assert "Nothing to do" in migration.up
    assert "Nothing to do" in migration.down


def test_an_index_behind_a_constraint_is_never_dropped(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    name = QualifiedName("public", "orders_pkey")
    drop = DropIndex(name, QualifiedName("public", "orders"), definition_of(dsn, "orders_pkey"))
    with pytest.raises(ValueError, match="backs the constraint orders_pkey"):
        write_migration(recommended(drop), collect(dsn))


def test_hostile_text_stays_in_its_comment(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    hostile = "x\n; DROP TABLE orders; --\r\u2028DROP TABLE customers; */ \u202e evil \x1b[2J"
    change = index_on("orders", "customer_id")
    recommendation = replace(recommended(change)[0], reason=hostile, notes=(hostile,))
    migration = write_migration([recommendation], collect(dsn))
    outside = [line for line in migration.up.splitlines() if not line.startswith("--")]
    assert not any("DROP TABLE" in line for line in outside)
    assert "\\u202e" in migration.up
    assert "\x1b" not in migration.up


def test_same_advice_in_any_environment_has_the_same_text(make_database: MakeDatabase) -> None:
    dsn = make_database(SHOP)
    changes = recommended(index_on("orders", "state", "id"), index_on("orders", "customer_id"))
    snapshot = collect(dsn)
    assert write_migration(changes, snapshot) == write_migration([*changes, *changes], snapshot)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\tb", "a b"),
        ("a\x00b", "a\\u0000b"),
        ("/* x */", "/ * x * /"),
        ("x" * 200, "x" * 109 + "…"),
        ("zero\u200bwidth \U000e0041", "zero\\u200bwidth \\U000e0041"),
    ],
)
def test_comment_text(text: str, expected: str) -> None:
    assert comment_text(text) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(8192, "8 kB"), (1 << 20, "1.0 MB"), (300 << 20, "300 MB"), (5 << 42, "20 TB")],
)
def test_size_text(size_bytes: int, expected: str) -> None:
    assert size_text(size_bytes) == expected


def test_leftover_name_is_short() -> None:
    assert len(leftover_name(QualifiedName("public", "x" * 63)).name) <= 63
