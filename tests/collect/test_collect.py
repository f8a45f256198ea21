"""collect() against a real server: the parts of a snapshot are what the server says."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import GinPages

SCHEMA = """
CREATE SCHEMA "Shop";
CREATE TABLE "Shop"."Order" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "orgId" integer NOT NULL,
    "enteredAt" timestamptz NOT NULL,
    note text
);
CREATE INDEX "byOrg" ON "Shop"."Order" ("orgId", "enteredAt" DESC) INCLUDE (note)
    WHERE note IS NOT NULL;
INSERT INTO "Shop"."Order" ("orgId", "enteredAt", note)
    SELECT i % 7, '2026-01-01'::timestamptz + i * interval '1 hour', 'n' || i
    FROM generate_series(1, 700) i;
ANALYZE "Shop"."Order";
"""


def test_a_quoted_relation_with_its_columns_and_statistics(
    make_database: Callable[..., str],
) -> None:
    snapshot = collect(make_database(SCHEMA))
    order = snapshot.relation_by_name[QualifiedName("Shop", "Order")]
    assert order.reltuples == 700
    assert order.size_bytes == order.relpages * 8192 > 0
    assert [c.name for c in order.columns] == ["id", "orgId", "enteredAt", "note"]
    organisation = order.column("orgId")
    assert organisation is not None
    statistics = organisation.statistics_for()
    assert statistics is not None
    assert statistics.n_distinct == 7
    assert sorted(statistics.most_common_values or ()) == list("0123456")


def test_an_index_with_order_predicate_and_included_column(
    make_database: Callable[..., str],
) -> None:
    snapshot = collect(make_database(SCHEMA))
    index = next(i for i in snapshot.indexes if i.name.name == "byOrg")
    assert [(k.column, k.descending, k.nulls_first) for k in index.keys] == [
        ("orgId", False, False),
        ("enteredAt", True, True),
    ]
    assert index.included == ("note",)
    assert index.predicate == "(note IS NOT NULL)"
    assert index.relation == QualifiedName("Shop", "Order")


def test_first_pages_are_read_where_the_role_may(make_database: Callable[..., str]) -> None:
    dsn = make_database(
        "CREATE EXTENSION pageinspect; CREATE TABLE t (a int, b int[], c text)",
        "CREATE INDEX a ON t (a); CREATE INDEX b ON t USING gin (b); CREATE INDEX c ON t (c)",
        "INSERT INTO t SELECT i, ARRAY[i % 50, i], md5(i::text) || repeat('x', 900)"
        " FROM generate_series(1, 3000) i",
        "CHECKPOINT",
    )
    indexes = {i.name.name: i for i in collect(dsn).indexes}
    with psycopg.connect(dsn) as connection:
        for name in "ac":
            row = connection.execute(
                f"SELECT fastlevel FROM bt_metap('{name}')".encode()
            ).fetchone()
            assert row == (indexes[name].tree_height,)
        row = connection.execute(
            "SELECT n_pending_pages, n_total_pages, n_entry_pages, n_data_pages, n_entries"
            " FROM gin_metapage_info(get_raw_page('b', 0))"
        ).fetchone()
    assert row is not None
    assert indexes["b"].gin_pages == GinPages(*row)
