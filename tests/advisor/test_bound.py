"""The bound is one and the choice is near it: both against all sets there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtune.advisor import AdvisorOptions
from dbtune.advisor.prices import Names, Prices
from dbtune.advisor.program import Floor, Offer, Program, bound, choose
from dbtune.advisor.search import Search
from dbtune.advisor.targets import Target
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan
from dbtune.pricing import Hypothetical
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from tests.advisor.conftest import workload_of

NAMES = "abcdef"


def subsets(names: Sequence[str]) -> Iterator[Names]:
    for count in range(len(names) + 1):
        yield from map(frozenset, combinations(names, count))


@st.composite
def programs(draw: st.DrawFn) -> tuple[Program, dict[str, dict[Names, float]]]:
    """A program, and the true offers of each statement, of which the program knows some."""
    some = st.frozensets(st.sampled_from(NAMES), max_size=3)
    costs = st.integers(1, 100).map(float)
    truth: dict[str, dict[Names, float]] = {}
    offers: dict[str, list[Offer]] = {}
    floors: dict[str, list[Floor]] = {}
    for key in ("q", "r", "s"):
        truth[key] = {frozenset(): 100.0, **draw(st.dictionaries(some, costs, max_size=6))}
        shown = [frozenset(), frozenset(NAMES)]
        shown += draw(st.lists(st.frozensets(st.sampled_from(NAMES)), max_size=4))
        best = {visible: served(truth[key], visible) for visible in shown}
        floors[key] = [Floor(c, frozenset(NAMES) - visible) for visible, c in best.items()]
        offers[key] = [Offer(visible, c) for visible, c in best.items()]
    sizes = draw(st.lists(st.integers(1, 40), min_size=6, max_size=6))
    fixed = draw(st.lists(st.integers(0, 20).map(float), min_size=6, max_size=6))
    program = Program(
        dict(zip(NAMES, fixed, strict=True)),
        {name: size << 20 for name, size in zip(NAMES, sizes, strict=True)},
        {name: name in "abc" for name in NAMES},
        offers,
        floors,
    )
    return program, truth


def served(offers: dict[Names, float], chosen: Names) -> float:
    return min(cost for needs, cost in offers.items() if needs <= chosen)


@settings(deadline=None)
@given(programs(), st.sampled_from([0, 20, 60, None]))
def test_no_set_beats_the_bound(
    drawn: tuple[Program, dict[str, dict[Names, float]]], budget_mb: int | None
) -> None:
    program, truth = drawn
    options = AdvisorOptions(budget_bytes=None if budget_mb is None else budget_mb << 20)
    known = {key: {o.needs: o.cost for o in offers} for key, offers in program.offers.items()}

    def cost(offers: dict[str, dict[Names, float]], chosen: Names) -> float:
        return sum(served(of, chosen) for of in offers.values()) + sum(
            program.fixed[name] for name in chosen
        )

    allowed = [
        s
        for s in subsets(NAMES)
        if budget_mb is None or sum(program.sizes[n] for n in s) <= budget_mb << 20
    ]
    _, lower = bound(program, options)
    assert lower <= min(cost(truth, s) for s in allowed) + 1e-6
    chosen = choose(program, options)
    assert chosen in allowed
    assert cost(known, chosen) <= 1.01 * min(cost(known, s) for s in allowed) + 1e-6


CASES = [
    (
        ["SELECT a.email, i.amount FROM account a JOIN invoice i ON i.account_id = a.id"
         " WHERE a.country = $1 AND i.priority = $2",
         "SELECT sum(amount) FROM invoice WHERE account_id BETWEEN $1 AND $2",
         "SELECT id FROM account WHERE country = $1 AND plan = $2"],
        [("account", "country", ""), ("account", "country plan", "id"),
         ("account", "country", "email id"), ("invoice", "account_id", ""),
         ("invoice", "account_id", "amount"), ("invoice", "priority", ""),
         ("invoice", "priority account_id", "amount"), ("invoice", "account_id priority", "")],
    ),
    (
        ["SELECT state, count(*) FROM invoice WHERE created_at > '2023-01-01' GROUP BY state",
         "SELECT max(amount) FROM invoice WHERE state = 'open'",
         "SELECT * FROM invoice WHERE state = 'failed' ORDER BY created_at LIMIT 5"],
        [("invoice", "created_at", "state"), ("invoice", "state created_at", ""),
         ("invoice", "state amount", ""), ("invoice", "state", "amount"),
         ("invoice", "created_at", ""), ("invoice", "amount", "state")],
    ),
]  # fmt: skip


@pytest.mark.parametrize("part", [0.2, 0.5, None])
@pytest.mark.parametrize(("texts", "columns"), CASES)
def test_the_choice_is_near_the_best_of_all_sets(
    advised: tuple[Snapshot, Twin],
    texts: list[str],
    columns: list[tuple[str, str, str]],
    part: float | None,
) -> None:
    """Every set of the candidates is priced, so that the best is known."""
    snapshot, twin = advised
    specs = [
        IndexSpec(relation.name, tuple(map(column_key, keys.split())), tuple(included.split()))
        for table, keys, included in columns
        for relation in snapshot.relations
        if relation.name.name == table
    ]
    prices = Prices(twin)
    made = [h for h in twin.suppose(specs) if isinstance(h, Hypothetical)]
    for hypothetical in made:
        prices.add(hypothetical)
    targets = []
    for statement in workload_of(snapshot, twin, *texts).statements:
        plan = twin.plan(statement.planned_text)
        assert isinstance(plan, Plan)
        targets.append(Target(statement, plan.total_cost, plan.total_cost, plan))
        prices.start(targets[-1])
    names = sorted(h.name for h in made)
    total = sum(prices.size(name) for name in names)
    options = AdvisorOptions(None if part is None else int(part * total), objective="cost")
    fixed = dict.fromkeys(names, 1.0)
    search = Search(targets, {t.key: frozenset(names) for t in targets}, fixed, prices, options)
    for target in targets:
        prices.price(target, frozenset(names))
    found = search.run()
    asked = prices.explains
    best = min(
        sum(prices.price(t, chosen).cost for t in targets) + len(chosen)
        for chosen in subsets(names)
        if search.is_allowed(chosen)
    )
    assert found.bound <= best * 1.0001
    assert found.objective <= best * 1.03
    assert asked < 2 ** len(names) / 2
