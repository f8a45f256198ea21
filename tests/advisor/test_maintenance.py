"""What an index costs the writes: by method, width, and what it takes from heap-only updates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dbtune.advisor.maintenance import Write, maintenance_ms
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.snapshot.catalog import TableActivity
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from tests.advisor.conftest import Ask, created

INVOICE = QualifiedName("public", "invoice")
ROWS = 1000.0


def btree(*columns: str, included: tuple[str, ...] = ()) -> IndexSpec:
    return IndexSpec(INVOICE, tuple(map(column_key, columns)), included)


def updated(snapshot: Snapshot, hot: float) -> Snapshot:
    """The snapshot with a share of earlier updates of the relation heap-only."""
    activity = TableActivity(0, 0, 0, 0, 0, 1000, 0, round(1000 * hot), 0, 0, 0, None, None, 0, 0)
    return replace(
        snapshot,
        relations=tuple(
            replace(r, activity=activity) if r.name == INVOICE else r for r in snapshot.relations
        ),
    )


@pytest.fixture
def snapshot(advised: tuple[Snapshot, Twin]) -> Snapshot:
    return updated(advised[0], 1.0)


def test_wider_and_richer_entries_cost_more(snapshot: Snapshot) -> None:
    inserts = [Write("insert", ROWS)]

    def cost(spec: IndexSpec) -> float:
        return maintenance_ms(spec, inserts, snapshot)

    assert cost(btree("account_id")) < cost(btree("account_id", "note"))
    assert cost(btree("id")) < cost(btree("account_id"))  # rows come in the order of the key
    assert cost(btree("account_id")) < cost(btree("account_id", included=("note",)))
    gin = replace(btree("tags"), access_method="gin")
    brin = replace(btree("account_id"), access_method="brin")
    assert cost(brin) < cost(btree("account_id")) < cost(gin)


def test_a_partial_index_is_kept_for_its_rows(snapshot: Snapshot) -> None:
    rare = replace(btree("account_id"), predicate="(state = 'failed')")
    inserts = [Write("insert", ROWS)]
    whole = maintenance_ms(btree("account_id"), inserts, snapshot, 1 << 20)
    assert maintenance_ms(rare, inserts, snapshot, 16384) < 0.1 * whole


def test_an_index_on_an_updated_column_ends_heap_only_updates(snapshot: Snapshot) -> None:
    updates = [Write("update", ROWS, frozenset({"amount"}))]
    beside = maintenance_ms(btree("issued_on"), updates, snapshot)
    upon = maintenance_ms(btree("account_id", included=("amount",)), updates, snapshot)
    own = maintenance_ms(
        btree("account_id", included=("amount",)), [Write("insert", ROWS)], snapshot
    )
    assert beside == 0.0
    assert upon > 1.5 * own  # the other indexes then need entries too
    assert maintenance_ms(btree("issued_on"), updates, updated(snapshot, 0.0)) > 0.0


def test_brin_leaves_updates_heap_only_from_16_on(snapshot: Snapshot) -> None:
    updates = [Write("update", ROWS, frozenset({"amount"}))]
    brin = replace(btree("amount"), access_method="brin")
    assert maintenance_ms(brin, updates, snapshot) == 0.0
    older = replace(snapshot, server=replace(snapshot.server, version_num=150018))
    assert maintenance_ms(brin, updates, older) > 0.0


def test_a_column_that_is_always_updated_is_not_included(ask: Ask) -> None:
    read = ("SELECT sum(amount) FROM invoice WHERE account_id BETWEEN $1 AND $2", 100)
    assert created(ask(read)) == ["invoice(account_id) include (amount)"]
    busy = ("UPDATE invoice SET amount = $1 WHERE id = $2", 150_000)
    assert created(ask(read, busy)) == ["invoice(account_id)"]


@pytest.mark.parametrize(
    "busy",
    [
        "UPDATE invoice SET priority = $1 WHERE id = $2",
        "INSERT INTO invoice (id, priority) VALUES ($1, $2)",
        "DELETE FROM invoice WHERE id = $1",
    ],
)
def test_what_is_written_all_the_time_is_left_alone(ask: Ask, busy: str) -> None:
    read = ("SELECT * FROM invoice WHERE priority = $1", 5)
    assert created(ask(read)) == ["invoice(priority)"]
    advice = ask(read, (busy, 50_000_000))
    assert created(advice) == []
    assert [d for d in advice.declined if "costs in writes" in d.reason]
