"""The twin plans as the target does, and prices indexes that do not exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, PricingEngine, Rejected
from dbtune.twin.twin import open_twin

SHOP = """
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE "order" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customer,
    "placedAt" timestamptz NOT NULL,
    total numeric(10, 2));
INSERT INTO customer (name) SELECT 'customer ' || i FROM generate_series(1, 2000) i;
INSERT INTO "order" (customer_id, "placedAt", total)
    SELECT 1 + i % 2000, timestamptz '2025-01-01' + i * interval '7 minutes', i % 977
    FROM generate_series(1, 40000) i;
VACUUM ANALYZE;
"""


def test_hypothetical_index_is_seen_only_when_shown(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database(*SHOP.split(";\n")))
    order = QualifiedName("public", "order")
    spec = IndexSpec(order, (column_key("customer_id"), column_key("placedAt")))
    text = 'SELECT * FROM "order" WHERE customer_id = $1 ORDER BY "placedAt" DESC LIMIT 5'
    with open_twin(snapshot) as twin:
        engine: PricingEngine = twin
        (made,) = engine.suppose([spec])
        assert isinstance(made, Hypothetical)
        assert made.size_bytes > 40000 * 16
        before = engine.plan(text)
        shown = engine.plan(text, show=[made.name])
        after = engine.plan(text)
    assert isinstance(before, Plan)
    assert isinstance(shown, Plan)
    assert isinstance(after, Plan)
    assert before.signature == after.signature
    assert made.name not in before.indexes_used()
    assert made.name in shown.indexes_used()
    assert shown.total_cost < before.total_cost / 10


def test_hidden_index_is_not_used(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database(*SHOP.split(";\n")))
    with open_twin(snapshot) as twin:
        text = "SELECT * FROM customer WHERE id = 5"
        seen = twin.plan(text)
        hidden = twin.plan(text, hide=["public.customer_pkey"])
    assert isinstance(seen, Plan)
    assert isinstance(hidden, Plan)
    assert seen.indexes_used() == {"customer_pkey"}
    assert hidden.indexes_used() == frozenset()


def test_candidate_that_cannot_be_built_is_rejected_with_the_servers_words(
    make_database: Callable[..., str],
) -> None:
    snapshot = collect(make_database(*SHOP.split(";\n")))
    with open_twin(snapshot) as twin:
        spec = IndexSpec(QualifiedName("public", "customer"), (column_key("no_such_column"),))
        (answer,) = twin.suppose([spec])
    assert isinstance(answer, Rejected)
    assert "no_such_column" in answer.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT * FROM nowhere", "does not exist"),
        ("SET work_mem = $1", "syntax error"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("", "syntax error"),
    ],
)
def test_what_cannot_be_planned_says_why(database: str, text: str, words: str) -> None:
    with open_twin(collect(database)) as twin:
        answer = twin.plan(text)
    assert isinstance(answer, Unplanned)
    assert words in answer.reason
