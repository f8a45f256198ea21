"""collect() against a real server: the parts of a snapshot are what the server says."""

from __future__ import annotations

from collections.abc import Callable

from dbtune.collect import collect
from dbtune.identifier import QualifiedName

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
