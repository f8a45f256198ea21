"""The twin plans as the target does, and prices indexes that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, PricingEngine, Rejected
from dbtune.snapshot.catalog import IndexKey, SchemaObject
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin

CUSTOMER = QualifiedName("public", "customer")
ORDER = QualifiedName("public", "order")


def test_hypothetical_index_is_seen_only_when_shown(shop_twin: Twin) -> None:
    spec = IndexSpec(ORDER, (column_key("customer_id"), column_key("placedAt")))
    text = 'SELECT * FROM "order" WHERE customer_id = $1 ORDER BY "placedAt" DESC LIMIT 5'
    engine: PricingEngine = shop_twin
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


def test_supposing_more_leaves_shown_indexes_shown_or_hidden_as_asked(shop_twin: Twin) -> None:
    text = "SELECT * FROM customer WHERE name = $1"
    (first,) = shop_twin.suppose([IndexSpec(CUSTOMER, (column_key("name"),))])
    assert isinstance(first, Hypothetical)
    shop_twin.plan(text, show=[first.name])
    shop_twin.suppose([IndexSpec(CUSTOMER, (column_key("id"), column_key("name")))])
    hidden = shop_twin.plan(text)
    shown = shop_twin.plan(text, show=[first.name])
    assert isinstance(hidden, Plan)
    assert isinstance(shown, Plan)
    assert hidden.indexes_used() == frozenset()
    assert shown.indexes_used() == {first.name}


def test_repeats_are_free_and_answers_keep_their_order(shop_twin: Twin) -> None:
    good = IndexSpec(ORDER, (column_key("total"),))
    bad = IndexSpec(ORDER, (column_key("no_such_column"),))
    refused, made, again = shop_twin.suppose([bad, good, good])
    assert isinstance(refused, Rejected)
    assert "no_such_column" in refused.reason
    assert made == again == shop_twin.suppose([good])[0]


def test_hidden_index_is_not_used(shop_twin: Twin) -> None:
    text = "SELECT * FROM customer WHERE id = 5"
    seen = shop_twin.plan(text)
    hidden = shop_twin.plan(text, hide=["public.customer_pkey"])
    assert isinstance(seen, Plan)
    assert isinstance(hidden, Plan)
    assert seen.indexes_used() == {"customer_pkey"}
    assert hidden.indexes_used() == frozenset()


def test_invalid_index_of_the_target_is_never_used(shop: Snapshot) -> None:
    """A concurrent build that failed leaves one behind; the target's planner passes it over."""
    indexes = tuple(replace(i, is_valid=i.name.name != "customer_pkey") for i in shop.indexes)
    with open_twin(replace(shop, indexes=indexes)) as twin:
        text = "SELECT * FROM customer WHERE id = 5"
        plans = [twin.plan(text), twin.plan(text, hide=["public.customer_pkey"]), twin.plan(text)]
        other = twin.plan('SELECT * FROM "order" WHERE id = 5', hide=["public.no_such_index"])
    for plan in plans:
        assert isinstance(plan, Plan)
        assert plan.indexes_used() == frozenset()
    assert isinstance(other, Plan)
    assert other.indexes_used() == {"order_pkey"}


def test_candidate_on_a_partitioned_table_stands_on_every_partition(everything_dsn: str) -> None:
    event = QualifiedName("app", "event")
    text = "SELECT * FROM app.event WHERE amount = $1"
    with open_twin(collect(everything_dsn)) as twin:
        (made,) = twin.suppose([IndexSpec(event, (column_key("amount"),))])
        assert isinstance(made, Hypothetical)
        hidden, shown = twin.plan(text), twin.plan(text, show=[made.name])
    assert isinstance(hidden, Plan)
    assert isinstance(shown, Plan)
    assert len(made.parts) == 5
    assert not hidden.indexes_used() & set(made.parts)
    assert shown.indexes_used() & set(made.parts)
    assert shown.total_cost < hidden.total_cost
    assert made.size_bytes > 60_000 * 6


def test_index_on_only_a_partitioned_table_has_no_size_and_no_use(everything_dsn: str) -> None:
    with open_twin(collect(everything_dsn)) as twin:
        made = twin.suppose_ddl("CREATE INDEX ON ONLY app.event (amount)")
        plan = twin.plan("SELECT * FROM app.event WHERE amount = 5", show=[made.name])
    assert made.size_bytes == 0
    assert isinstance(plan, Plan)
    assert made.name not in plan.indexes_used()


def test_partial_candidate_holds_the_rows_of_its_predicate(shop_twin: Twin) -> None:
    whole = IndexSpec(ORDER, (column_key("total"),))
    part = IndexSpec(ORDER, (column_key("total"),), predicate="status = 'lost'")
    large, small = shop_twin.suppose([whole, part])
    assert isinstance(large, Hypothetical)
    assert isinstance(small, Hypothetical)
    assert small.size_bytes < large.size_bytes / 10
    plan = shop_twin.plan(
        "SELECT * FROM \"order\" WHERE status = 'lost' AND total = 5", show=[small.name]
    )
    assert isinstance(plan, Plan)
    assert plan.indexes_used() == {small.name}


def test_expression_candidate_has_statistics(shop_twin: Twin) -> None:
    """Without them the planner takes every equality on an expression for a 200th of the rows."""
    text = "SELECT * FROM \"order\" WHERE date_trunc('hour', \"placedAt\", 'UTC') = $1"
    expression = "date_trunc('hour', \"placedAt\", 'UTC')"
    (made,) = shop_twin.suppose([IndexSpec(ORDER, (IndexKey(None, expression),))])
    assert isinstance(made, Hypothetical)
    plan = shop_twin.plan(text, show=[made.name])
    assert isinstance(plan, Plan)
    assert plan.root.plan_rows == pytest.approx(60 / 7, rel=0.3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT * FROM nowhere", "does not exist"),
        ("SET work_mem = $1", "SET has no plan"),
        ("vacuum (analyze) customer", "VACUUM has no plan"),
        ("SELEC 1", "syntax error"),
        ("CREATE INDEX ON customer (name)", "syntax error"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("", "syntax error"),
    ],
)
def test_what_cannot_be_planned_says_why(shop_twin: Twin, text: str, words: str) -> None:
    answer = shop_twin.plan(text)
    assert isinstance(answer, Unplanned)
    assert words in answer.reason


def test_snapshot_of_a_stranger_has_no_power_over_the_machine(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    """What a snapshot calls a function or a view is SQL from somebody: it must reach no file."""
    snapshot = collect(make_database("CREATE TABLE t (a int)"))
    loot = tmp_path / "loot"
    orders = (
        f"COPY (SELECT 1) TO '{loot}'",
        f"COPY (SELECT 1) TO PROGRAM 'touch {loot}'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'abort'",
        "SET SESSION AUTHORIZATION postgres",
    )
    objects = (
        *(SchemaObject("function", f"f{i}", sql) for i, sql in enumerate(orders)),
        SchemaObject("collation", f"c (LOCALE = 'C'); COPY (SELECT 1) TO '{loot}'; --", "nonsense"),
    )
    with open_twin(replace(snapshot, objects=objects)) as twin:
        refused = [n for n in twin.not_modelled if n.what.startswith("function")]
        spec = IndexSpec(QualifiedName("public", "t"), (column_key("a"),), predicate="a > 1")
        assert isinstance(twin.suppose([spec])[0], Hypothetical)
    assert len(refused) == len(orders)
    assert not loot.exists()
