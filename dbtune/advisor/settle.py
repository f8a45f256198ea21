"""Price the chosen set as a whole; leave out what it does without, and what is needlessly wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbtune.advisor.search import Search
    from dbtune.advisor.targets import Target

Names = frozenset[str]

_EQUAL = 1.1
"""What a simpler index may make of a statement's cost: so much is beyond what the planner knows."""
_TRIES = 4


def settle(search: Search, chosen: Names) -> Iterator[Names]:
    """Ever simpler sets, the first one priced as a whole."""
    for target in search.concerned(chosen):
        search.prices.price(target, chosen & search.relevant[target.key])
    yield chosen
    for name in _least_missed_first(search, chosen):
        moved = chosen - {name}
        if not _earns(search, chosen, moved) or _saved(search, chosen, moved) >= 0:
            chosen = moved
            yield chosen
    for name in sorted(chosen, key=lambda n: (-search.prices.size(n), n)):
        for simpler in _simpler(search, name, chosen):
            moved = chosen - {name} | {simpler}
            if search.is_allowed(moved) and _is_as_good(search, chosen, moved):
                chosen = moved
                yield chosen
                break


def _least_missed_first(search: Search, chosen: Names) -> list[str]:
    """The indexes of a set by what their absence costs, as far as is known."""
    missed = {
        name: sum(
            _loss(search, target, chosen, chosen - {name}, least=False)
            for target in search.concerned(frozenset({name}))
        )
        - search.fixed[name]
        for name in chosen
    }
    return sorted(chosen, key=lambda n: (missed[n], -search.prices.size(n), n))


def _earns(search: Search, chosen: Names, moved: Names) -> bool:
    """True if some statement gains what the user asks for by the index that a move takes out."""
    least_share = 1 - search.options.min_gain_pct / 100
    prices = search.prices
    for target in search.concerned(chosen - moved):
        relevant = search.relevant[target.key]
        now = prices.promised(target, chosen & relevant)
        if (chosen - moved) & now.used:
            if now.cost <= least_share * prices.least(target, moved & relevant):
                return True
            if now.cost <= least_share * prices.price(target, moved & relevant).cost:
                return True
    return False


def _saved(search: Search, chosen: Names, moved: Names) -> float:
    """What a move saves, asked no further than until it is clear that it saves nothing."""
    saved = sum(search.fixed[n] for n in chosen - moved)
    saved -= sum(search.fixed[n] for n in moved - chosen)
    concerned = search.concerned(chosen ^ moved)
    saved -= sum(_loss(search, target, chosen, moved, least=True) for target in concerned)
    for target in concerned:
        if saved < 0:
            break
        saved += _loss(search, target, chosen, moved, least=True)
        search.prices.price(target, moved & search.relevant[target.key])
        saved -= _loss(search, target, chosen, moved, least=False)
    return saved


def _loss(search: Search, target: Target, chosen: Names, moved: Names, *, least: bool) -> float:
    """What a move makes a statement lose, at least or by the best known plan."""
    prices, relevant = search.prices, search.relevant[target.key]
    after = prices.find(target, moved & relevant)
    if after is None and least:
        cost = prices.least(target, moved & relevant)
    else:
        cost = prices.promised(target, moved & relevant).cost
    before = prices.promised(target, chosen & relevant).cost
    return target.value * (cost - before) / target.cost_before


def _is_as_good(search: Search, chosen: Names, moved: Names) -> bool:
    """True if no statement gets dearer by more than a small share."""
    prices = search.prices
    for target in search.concerned(chosen ^ moved):
        relevant = search.relevant[target.key]
        now = prices.promised(target, chosen & relevant).cost
        limit = _EQUAL * now
        if prices.least(target, moved & relevant) > limit:
            return False
        if prices.price(target, moved & relevant).cost > limit:
            return False
    return True


def _simpler(search: Search, name: str, chosen: Names) -> list[str]:
    """Smaller candidates on the same columns or fewer, beginning alike; smallest first."""
    spec = search.prices.hypothetical(name).spec
    found = [
        other
        for target in search.concerned(frozenset({name}))
        for other in search.relevant[target.key] - chosen
        if search.relations[other] == spec.relation and _is_simpler(search, other, name)
    ]
    return sorted(dict.fromkeys(found), key=lambda n: (search.prices.size(n), n))[:_TRIES]


def _is_simpler(search: Search, one: str, other: str) -> bool:
    simple, spec = (search.prices.hypothetical(n).spec for n in (one, other))
    return (
        simple.access_method == spec.access_method
        and simple.keys == spec.keys[: len(simple.keys)]
        and set(simple.columns) <= set(spec.columns)
        and search.prices.size(one) < search.prices.size(other)
    )
