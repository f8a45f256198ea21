"""What must hold of any advice: limits, order, writes, existing indexes, no engine."""

from __future__ import annotations

import itertools
import re
import signal
from dataclasses import replace

import pytest

from dbtune.advice import Advice, CreateIndex
from dbtune.advisor import AdvisorOptions, advise
from dbtune.advisor.merge import merged
from dbtune.advisor.program import Floor, Offer, Program, bound, choose
from dbtune.advisor.served import is_served, replaced_by
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.interrupt import on_interrupt
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from tests.advisor.conftest import Ask, created, workload_of

MIXED = [
    "SELECT * FROM invoice WHERE account_id = $1 AND issued_on >= $2",
    "SELECT sum(amount) FROM invoice WHERE account_id BETWEEN $1 AND $2",
    "SELECT * FROM invoice WHERE state = $1 ORDER BY created_at DESC LIMIT 20",
    "SELECT * FROM account WHERE lower(email) = $1",
    'SELECT * FROM "Sales"."LeadFact" WHERE "orgId" = $1 AND "enteredAt" BETWEEN $2 AND $3',
    "SELECT * FROM event WHERE actor = $1",
    "SELECT a.email, i.amount FROM account a JOIN invoice i ON i.account_id = a.id"
    " WHERE a.country = $1 AND i.kind = $2",
]


def test_more_budget_is_never_worse(ask: Ask) -> None:
    costs = [
        ask(*MIXED, budget_bytes=budget, objective="cost").cost_after
        for budget in (0, 1 << 20, 2 << 20, 4 << 20, 16 << 20, None)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.5 * costs[0]


@pytest.mark.parametrize("budget", [1 << 20, 3 << 20])
def test_the_budget_is_kept(ask: Ask, budget: int) -> None:
    advice = ask(*MIXED, budget_bytes=budget)
    assert 0 < sum(r.size_bytes or 0 for r in advice.recommendations) <= budget


def test_the_number_of_indexes_is_kept(ask: Ask) -> None:
    assert len(created(ask(*MIXED, max_indexes=2))) == 2
    per_table = created(ask(*MIXED, max_per_table=1))
    relations = [index.split("(")[0] for index in per_table]
    assert len(relations) == len(set(relations))


def test_the_order_of_statements_does_not_matter(ask: Ask) -> None:
    assert ask(*MIXED) == replace(ask(*reversed(MIXED)), explains=ask(*MIXED).explains)


def test_names_do_not_matter(ask: Ask) -> None:
    texts = [
        "SELECT a FROM parcel WHERE b = $1 AND c = $2",
        "SELECT sum(c) FROM parcel WHERE d BETWEEN $1 AND $2",
        "SELECT * FROM parcel WHERE c = $1 ORDER BY d LIMIT 5",
        "SELECT p.a FROM parcel p JOIN parcel q ON q.a = p.c WHERE q.b = $1",
    ]
    others = {"parcel": '"Box"', **dict(zip("abcde", "zyxwv", strict=True))}

    def renamed(text: str) -> str:
        return re.sub(r"\b(parcel|[a-e])\b", lambda word: others[word.group()], text)

    one, other = ask(*texts), ask(*map(renamed, texts))
    assert one.cost_after == pytest.approx(other.cost_after)
    assert _shapes([renamed(index) for index in created(one)]) == _shapes(created(other))
    assert created(one)


def _shapes(indexes: list[str]) -> list[tuple[str, list[str]]]:
    """Keys in their order; included columns have none."""
    parts = (index.partition(" include ") for index in indexes)
    return sorted((keys, sorted(included)) for keys, _, included in parts)


def test_further_statements_take_nobodys_cure(ask: Ask) -> None:
    together = _costs_after(ask(*MIXED, objective="cost"))
    for text in MIXED:
        alone = _costs_after(ask(text, objective="cost"))
        assert alone
        for statement, cost in alone.items():
            assert together[statement] <= 1.1 * cost + 5


def _costs_after(advice: Advice) -> dict[str, float]:
    return {p.statement: p.cost_after for r in advice.recommendations for p in r.prices}


@pytest.mark.parametrize("calls", [0, 5, 20, 60])
def test_planner_calls_have_a_hard_cap(ask: Ask, calls: int) -> None:
    advice = ask(*MIXED, max_explains=calls)
    assert advice.explains <= calls
    assert advice.cost_after <= advice.cost_before


def test_one_on_all_rows_does_not_serve_what_a_partial_one_does(
    advised: tuple[Snapshot, Twin],
) -> None:
    """A queue: an index on all rows passes through all that is done."""
    snapshot, _ = advised
    spec = IndexSpec(QualifiedName("public", "invoice"), (column_key("kind"),))
    assert is_served(spec, snapshot)
    assert not is_served(replace(spec, predicate="(state = 'failed'::text)"), snapshot)


def test_an_order_does_not_go_before_what_is_fixed(ask: Ask) -> None:
    text = 'SELECT * FROM "Sales"."LeadFact" WHERE "orgId" = $1 AND "enteredAt" > $2'
    more = 'SELECT * FROM "Sales"."LeadFact" WHERE "orgId" = $1 ORDER BY "enteredAt" LIMIT 5'
    assert created(ask(text, more)) == ['"Sales"."LeadFact"("orgId", "enteredAt")']


def test_one_composite_serves_what_two_indexes_would(ask: Ask) -> None:
    texts = [
        "SELECT * FROM account WHERE country = $1",
        "SELECT * FROM account WHERE country = $1 AND created_at > $2",
        "SELECT * FROM account WHERE country = $1 AND email = $2",
    ]
    assert len(created(ask(*texts))) <= 2
    assert len(created(ask(*texts[:2]))) == 1


def test_a_prefix_is_not_a_second_index(ask: Ask) -> None:
    indexes = created(
        ask(
            "SELECT * FROM invoice WHERE priority = $1",
            "SELECT * FROM invoice WHERE priority = $1 AND account_id = $2",
        )
    )
    assert len(indexes) == 1


def test_kinds_and_included_columns_can_be_refused(ask: Ask) -> None:
    text = "SELECT * FROM invoice WHERE tags @> ARRAY['t5']"
    assert created(ask(text, kinds=("btree",))) == []
    text = "SELECT sum(amount) FROM invoice WHERE account_id BETWEEN $1 AND $2"
    assert created(ask(text, include=False)) == ["invoice(account_id, amount)"]


def test_an_index_for_each_statement_is_too_many(ask: Ask) -> None:
    """What eight statements ask of one table in turn, half as many indexes serve as well."""
    advice = ask(
        "SELECT sum(amount) FROM invoice WHERE account_id = $1 AND state = 'failed'",
        "SELECT account_id, sum(amount) FROM invoice WHERE issued_on BETWEEN $1 AND $2 GROUP BY 1",
        "SELECT priority, count(*) FROM invoice WHERE account_id BETWEEN $1 AND $2 GROUP BY 1",
        "SELECT a.email, sum(i.amount) FROM account a JOIN invoice i ON i.account_id = a.id"
        " WHERE i.issued_on = $1 GROUP BY 1",
        "SELECT id, amount FROM invoice WHERE account_id = $1 ORDER BY amount",
        "SELECT max(created_at) FROM invoice WHERE account_id = $1",
        "SELECT issued_on, amount FROM invoice WHERE issued_on > $1 AND account_id = $2",
        "SELECT id, created_at FROM invoice WHERE account_id = $1 AND state = $2",
    )
    assert len([i for i in created(advice) if i.startswith("invoice(")]) <= 4
    assert advice.cost_after < 0.01 * advice.cost_before


def test_writes_outweigh_a_small_gain(ask: Ask) -> None:
    read = ("SELECT * FROM measure WHERE sensor = $1 AND at > $2", 2)
    assert created(ask(read))
    advice = ask(read, ("INSERT INTO measure VALUES ($1, $2, $3)", 500_000_000))
    assert [i for i in created(advice) if "using brin" not in i] == []


def test_an_index_that_is_extended_goes(advised: tuple[Snapshot, Twin]) -> None:
    snapshot, _ = advised
    invoice = QualifiedName("public", "invoice")
    keys = tuple(map(column_key, ("kind", "priority", "amount")))
    assert [i.name.name for i in replaced_by(IndexSpec(invoice, keys), snapshot)] == [
        "invoice_kind_idx"
    ]
    assert replaced_by(IndexSpec(invoice, keys[1:]), snapshot) == ()
    assert replaced_by(IndexSpec(invoice, (column_key("id"), *keys)), snapshot) == ()


def test_an_expression_that_is_not_immutable_is_told(ask: Ask) -> None:
    advice = ask("SELECT * FROM account WHERE date(created_at) = $1")
    assert created(advice) == []
    assert [d for d in advice.declined if "IMMUTABLE" in d.reason]


def test_without_an_engine_ideas_are_unverified(advised: tuple[Snapshot, Twin]) -> None:
    snapshot, _ = advised
    advice = advise(workload_of(snapshot, None, MIXED[0], MIXED[5]), None)
    assert created(advice) == ["event(actor)", "invoice(account_id, issued_on)"]
    assert not any(r.is_verified for r in advice.recommendations)


def test_no_time_at_all_still_answers(ask: Ask) -> None:
    advice = ask(*MIXED, time_limit_s=0.0)
    assert not advice.complete
    assert created(advice) == []


def test_whoever_stops_the_search_gets_the_best_so_far(advised: tuple[Snapshot, Twin]) -> None:
    """Wherever it stops, what is advised is priced, and is no worse than nothing."""
    snapshot, twin = advised
    workload = workload_of(snapshot, twin, *MIXED)
    whole = advise(workload, twin)
    seen = set()
    for patience in (0, 3, 8, 14, 20):
        asked = itertools.count()
        advice = advise(workload, twin, is_stopped=lambda: next(asked) >= patience)  # noqa: B023
        assert not advice.complete
        assert advice.cost_after <= advice.cost_before
        assert all(r.prices for r in advice.recommendations if isinstance(r.change, CreateIndex))
        seen.add(len(created(advice)))
    assert seen > {0}
    assert whole.complete


def test_the_first_interrupt_only_asks() -> None:
    with on_interrupt() as is_asked:
        assert not is_asked()
        signal.raise_signal(signal.SIGINT)
        assert is_asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_excluded_index_and_the_likes_of_two(ask: Ask) -> None:
    text = "SELECT sum(amount) FROM invoice WHERE account_id BETWEEN $1 AND $2"
    first = specs_of(ask(text))
    second = specs_of(ask(text, excluded=first))
    assert [list(map(str, s)) for s in (first, second)] == [
        ["invoice(account_id) include (amount)"],
        ["invoice(account_id)"],
    ]
    third = specs_of(ask(text, excluded=(*first, *second)))
    assert not any(spec.key_columns[0] == "account_id" for spec in third)


def specs_of(advice: Advice) -> tuple[IndexSpec, ...]:
    changes = [r.change for r in advice.recommendations]
    return tuple(c.spec for c in changes if isinstance(c, CreateIndex))


T = QualifiedName("public", "t")


def test_merged_indexes_hold_what_both_held() -> None:
    one = IndexSpec(T, (column_key("a"), column_key("b")), ("x",))
    two = IndexSpec(T, (column_key("a"), column_key("c")), ("y",))
    wide = merged([one, two])
    assert IndexSpec(T, one.keys, ("c", "x", "y")) in wide
    assert IndexSpec(T, two.keys, ("b", "x", "y")) in wide
    assert merged([one, IndexSpec(T, (column_key("b"),), ("y",))]) == ()


def test_the_program_takes_the_best_that_fits() -> None:
    program = Program(
        fixed={"a": 1.0, "b": 1.0},
        sizes={"a": 60 << 20, "b": 50 << 20},
        relations={"a": T, "b": T},
        offers={
            "q": [Offer(frozenset(), 100.0), Offer(frozenset("a"), 10.0)],
            "r": [Offer(frozenset(), 100.0), Offer(frozenset("b"), 20.0)],
        },
        floors={
            "q": [Floor(10.0, frozenset()), Floor(100.0, frozenset("a"))],
            "r": [Floor(20.0, frozenset()), Floor(100.0, frozenset("b"))],
        },
    )
    assert choose(program, AdvisorOptions()) == {"a", "b"}
    assert choose(program, AdvisorOptions(budget_bytes=100 << 20)) == {"a"}
    assert bound(program, AdvisorOptions())[1] == pytest.approx(32.0)
    wanted, lower = bound(program, AdvisorOptions(budget_bytes=100 << 20))
    assert wanted == {"a"}
    assert lower == pytest.approx(111.0)
