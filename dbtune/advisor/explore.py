"""Ask the planner what it wants: which candidates any plan of a statement would use."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Names, Priced, Prices
from dbtune.advisor.targets import Target

_NOTHING: Names = frozenset()

_TIERS = (2, 6, 20)
_DEPTH = 4
_NEARLY = 0.97
_SMALLER = 0.7


@dataclass(frozen=True, slots=True)
class Explored:
    """Candidates that some plan of a statement used, and those of its best plan."""

    winners: Names
    best: Names
    cost: float


def explore(prices: Prices, target: Target, candidates: Names, options: AdvisorOptions) -> Explored:
    """Price the telling sets of candidates.

    All in sight shows the best that can be had; without what that plan uses, the second best, and
    so on. Without covering ones, without those of one relation and with small ones only it shows
    what is left for less space. Sets are as large as they can be: a plan that could see much and
    used little says most.
    """
    if not candidates:
        return Explored(_NOTHING, _NOTHING, target.cost_before)
    best = prices.price(target, candidates)
    if best.cost > target.cost_before * (1 - options.min_gain_pct / 100):
        return Explored(_NOTHING, _NOTHING, best.cost)
    plain = frozenset(c for c in candidates if not prices.hypothetical(c).spec.included)
    seen = [best, prices.price(target, plain)]
    for limit in _tiers(options):
        small = frozenset(c for c in candidates if prices.size(c) <= limit)
        seen.append(prices.price(target, small))
    seen += _by_relation(prices, target, best)
    seen += _peel(prices, target, best)
    winners = frozenset(name for priced in seen for name in priced.used)
    return Explored(winners | _smaller(prices, winners, candidates), best.used, best.cost)


def _tiers(options: AdvisorOptions) -> list[float]:
    """Sizes that several indexes must have to fit the budget together."""
    budget = options.budget_bytes
    return [budget / part for part in _TIERS] if budget is not None else []


def _peel(prices: Prices, target: Target, priced: Priced) -> list[Priced]:
    """The next best, and the next, without all that the better plans use."""
    found: list[Priced] = []
    while priced.used and len(found) < _DEPTH:
        priced = prices.price(target, priced.visible - priced.used)
        found.append(priced)
        if priced.cost > _NEARLY * target.cost_before:
            break
    return found


def _by_relation(prices: Prices, target: Target, priced: Priced) -> list[Priced]:
    """The same without all that one relation has."""
    relation_of = {name: prices.hypothetical(name).spec.relation for name in priced.visible}
    used = dict.fromkeys(relation_of[name] for name in sorted(priced.used))
    if len(used) < 2:
        return []
    return [
        prices.price(target, frozenset(n for n in priced.visible if relation_of[n] != relation))
        for relation in used
    ]


def _smaller(prices: Prices, winners: Names, candidates: Names) -> Names:
    """Smaller candidates that begin like a winner: what a small budget may take instead."""
    largest: dict[str, int] = {}
    for winner in winners:
        head = prices.head(winner)
        largest[head] = max(prices.size(winner), largest.get(head, 0))
    return frozenset(
        c for c in candidates if prices.size(c) < _SMALLER * largest.get(prices.head(c), 0)
    )
