"""What is said to serve no worse costs no more by the planner; what differs is not likened."""

from __future__ import annotations

from itertools import product

import pytest

from dbtune.advice import CreateIndex
from dbtune.advisor.alike import beaten, better_ones
from dbtune.advisor.gather import gather
from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Prices
from dbtune.advisor.program import Floor, Offer, Program, choose
from dbtune.advisor.recommend import recommendations
from dbtune.advisor.search import Found, Search
from dbtune.advisor.targets import Target
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan
from dbtune.pricing import Hypothetical
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.statement.parse import parse
from dbtune.twin.engine import Twin
from tests.advisor.conftest import workload_of

INVOICE = QualifiedName("public", "invoice")


def spec(keys: str, included: str = "", predicate: str | None = None) -> IndexSpec:
    return IndexSpec(
        INVOICE, tuple(map(column_key, keys.split())), tuple(included.split()), predicate
    )


def better_of(snapshot: Snapshot, text: str, *specs: IndexSpec) -> dict[str, set[str]]:
    """By place in the list; each is larger than the one before."""
    statement = parse(text, snapshot)
    assert isinstance(statement, Statement)
    named = {str(place): (one, 1000 + place) for place, one in enumerate(specs)}
    return {name: set(better) for name, better in better_ones(statement, named).items()}


def test_the_narrower_of_two_that_cover(advised: tuple[Snapshot, Twin]) -> None:
    text = "SELECT sum(amount) FROM invoice WHERE account_id = $1"
    narrow, wide = spec("account_id", "amount"), spec("account_id", "amount kind")
    bare, wider_bare = spec("account_id"), spec("account_id", "kind state")
    assert better_of(advised[0], text, narrow, wide) == {"1": {"0"}}
    # Larger for nothing; but the one that covers is not the worse one for it.
    assert better_of(advised[0], text, bare, wide, wider_bare) == {"2": {"0", "1"}}


def test_keys_that_nothing_asks_for_are_as_if_included(advised: tuple[Snapshot, Twin]) -> None:
    narrow, wide = spec("account_id amount"), spec("account_id kind amount")
    for text, better in (
        ("SELECT sum(amount + kind) FROM invoice WHERE account_id = $1", {}),
        ("SELECT sum(amount) FROM invoice WHERE account_id = $1", {"1": {"0"}}),
        ("SELECT sum(amount) FROM invoice WHERE account_id = $1 AND kind = $2", {}),
        ("SELECT amount FROM invoice WHERE account_id = $1 ORDER BY kind", {}),
        ("SELECT kind, sum(amount) FROM invoice WHERE account_id = $1 GROUP BY 1", {}),
    ):
        assert better_of(advised[0], text, narrow, wide) == better, text
    text = "SELECT sum(amount) FROM invoice WHERE account_id = $1 AND kind > $2"
    between = spec("account_id amount kind")
    assert better_of(advised[0], text, spec("account_id kind amount"), between) == {"1": {"0"}}
    assert better_of(advised[0], text, between, spec("account_id kind amount")) == {}


def test_other_rows_and_other_keys_are_not_likened(advised: tuple[Snapshot, Twin]) -> None:
    text = "SELECT account_id FROM invoice WHERE state = 'open' AND kind > 3"
    others = (
        spec("state"),
        spec("kind"),
        spec("state kind"),
        spec("kind", predicate="(state = 'open')"),
    )
    assert better_of(advised[0], text, *others) == {}


def test_ends_and_windows_ask_for_keys(advised: tuple[Snapshot, Twin]) -> None:
    bare, ordered = spec("account_id", "kind"), spec("account_id kind")
    for asked in ("max(kind)", "rank() OVER (ORDER BY kind)"):
        text = f"SELECT {asked} FROM invoice WHERE account_id = $1"
        assert better_of(advised[0], text, bare, ordered) == {}, text


def test_what_holds_more_for_nothing_is_beaten(advised: tuple[Snapshot, Twin]) -> None:
    text = "SELECT amount FROM invoice WHERE account_id = $1 AND state = 'open' AND kind = 5"
    both = spec("account_id", predicate="(kind = 5) AND (state = 'open')")
    some, keyed = spec("account_id", predicate="(kind = 5)"), spec("kind account_id")
    covering = spec("account_id", "amount kind", predicate="(state = 'open')")
    statement = parse(text, advised[0])
    assert isinstance(statement, Statement)
    assert beaten(statement, [keyed, some, both, covering]) == {keyed, some}
    alike = [spec("account_id amount priority"), spec("account_id priority amount")]
    assert len(beaten(statement, alike)) == 1


def test_what_another_statement_may_share_is_kept(advised: tuple[Snapshot, Twin]) -> None:
    def candidates(*texts: str, excluded: tuple[IndexSpec, ...] = ()) -> set[IndexSpec]:
        options = AdvisorOptions(excluded=excluded)
        gathered = gather(workload_of(advised[0], None, *texts), options)
        return {one for specs in gathered.specs.values() for one in specs}

    text = "SELECT amount FROM invoice WHERE account_id = 7 AND is_disputed AND state = 'failed'"
    wider = spec("account_id", predicate="(state = 'failed')")
    assert wider not in candidates(text)
    both = spec("account_id", predicate="(is_disputed) AND (state = 'failed')")
    assert wider in candidates(text, excluded=(both,))
    assert wider in candidates(
        text, "SELECT id FROM invoice WHERE state = 'failed' AND account_id = 8"
    )


def test_the_fewer_rows_the_better_where_the_statement_implies_so(
    advised: tuple[Snapshot, Twin],
) -> None:
    text = "SELECT amount FROM invoice WHERE account_id = $1 AND state = 'open' AND kind = 5"
    both = spec("account_id", predicate="(kind = 5) AND (state = 'open')")
    some, all_rows = spec("account_id", predicate="(kind = 5)"), spec("account_id")
    assert better_of(advised[0], text, both, some, all_rows) == {"1": {"0"}, "2": {"0", "1"}}
    on_key = spec("kind account_id", predicate="(kind = 5)")
    assert better_of(advised[0], text, on_key, spec("kind account_id")) == {}
    last = spec("account_id kind", predicate="(kind = 5)")
    assert better_of(advised[0], text, some, last, spec("kind account_id")) == {"2": {"0", "1"}}
    in_order = f"{text.replace('kind = 5', 'kind IN (5, 6)')} ORDER BY kind"
    two = spec("account_id", predicate="(kind IN (5, 6))")
    assert better_of(advised[0], in_order, two, spec("kind account_id")) == {}
    other = spec("account_id", predicate="(state = 'open')")
    assert better_of(advised[0], text, some, other) == {}
    twice = "SELECT 1 FROM invoice a JOIN invoice b USING (account_id) WHERE a.kind = 5"
    assert better_of(advised[0], twice, some, all_rows) == {}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT sum(amount) FROM invoice WHERE account_id = 77",
        "SELECT sum(amount) FROM invoice WHERE account_id < 900 AND state = 'open' AND kind < 9",
        "SELECT kind, count(*) FROM invoice WHERE account_id < 900 GROUP BY kind ORDER BY kind",
        "SELECT a.email, i.amount FROM account a JOIN invoice i ON i.account_id = a.id"
        " WHERE a.country = 'c7' AND i.kind = 5",
    ],
)
def test_the_planner_agrees(advised: tuple[Snapshot, Twin], text: str) -> None:
    snapshot, twin = advised
    keys = (
        "account_id", "kind", "account_id kind", "kind account_id",
        "account_id amount", "account_id amount kind",
    )  # fmt: skip
    rest = ("", "amount", "amount state", "amount kind", "amount kind state")
    open_only = ("(state = 'open')", "(kind < 9) AND (state = 'open')")
    predicates = (None, *(open_only if "kind < 9" in text else ()))
    specs = [
        spec(k, " ".join(c for c in i.split() if c not in k.split()), p)
        for k, i, p in product(keys, rest, predicates)
    ]
    made = [h for h in twin.suppose(list(dict.fromkeys(specs))) if isinstance(h, Hypothetical)]
    statement = parse(text, snapshot)
    assert isinstance(statement, Statement)
    costs = {}
    for hypothetical in made:
        plan = twin.plan(text, show=[hypothetical.name])
        assert isinstance(plan, Plan)
        costs[hypothetical.name] = plan.total_cost
    better = better_ones(statement, {h.name: (h.spec, h.size_bytes) for h in made})
    pairs = [(one, worse) for worse, names in better.items() for one in names]
    assert len(pairs) > 15
    # Keys of several columns cost the descent a few comparisons more.
    assert [(a, b) for a, b in pairs if costs[a] > 1.001 * costs[b] + 0.5] == []


def test_a_better_index_stands_for_the_one_that_a_plan_used() -> None:
    program = Program(
        fixed={"wide": 1.0, "narrow": 1.0},
        sizes={"wide": 60 << 20, "narrow": 20 << 20},
        relations={"wide": INVOICE, "narrow": INVOICE},
        offers={"q": [Offer(frozenset(), 100.0), Offer(frozenset({"wide"}), 10.0)]},
        floors={"q": [Floor(10.0, frozenset())]},
        better={"q": {"wide": frozenset({"narrow"})}},
    )
    assert choose(program, AdvisorOptions(budget_bytes=30 << 20)) == {"narrow"}
    alone = Program(program.fixed, program.sizes, program.relations, program.offers, program.floors)
    assert choose(alone, AdvisorOptions(budget_bytes=30 << 20)) == frozenset()


def test_what_stands_in_for_another_is_proposed_alone(advised: tuple[Snapshot, Twin]) -> None:
    """The plan was seen with the wider index, of which nothing is built."""
    snapshot, twin = advised
    workload = workload_of(snapshot, twin, "SELECT amount FROM invoice WHERE account_id = $1")
    specs = [spec("account_id", "amount"), spec("account_id", "amount kind")]
    made = [h for h in twin.suppose(specs) if isinstance(h, Hypothetical)]
    prices = Prices(twin)
    for hypothetical in made:
        prices.add(hypothetical)
    narrow, wide = (h.name for h in made)
    (statement,) = workload.statements
    plan = twin.plan(statement.planned_text)
    assert isinstance(plan, Plan)
    target = Target(statement, plan.total_cost, plan.total_cost, plan)
    prices.start(target)
    prices.compare(target, frozenset({narrow, wide}))
    assert prices.price(target, frozenset({wide})).used == {wide}
    relevant = {target.key: frozenset({narrow, wide})}
    fixed = {narrow: 1.0, wide: 1.0}
    search = Search([target], relevant, fixed, prices, AdvisorOptions(objective="cost"))
    found = Found(frozenset({narrow}), 0.0, 0.0, complete=False)
    (proposed,) = recommendations(workload, search, found, twin.name)
    assert isinstance(proposed.change, CreateIndex)
    assert proposed.change.spec == spec("account_id", "amount")
