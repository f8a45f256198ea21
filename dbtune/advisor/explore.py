"""Ask the planner what it wants: which candidates any plan of a statement would use."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.advisor.prices import Names, Priced, Prices
from dbtune.advisor.targets import Target

_NOTHING: Names = frozenset()


@dataclass(frozen=True, slots=True)
class Explored:
    """Candidates that some plan of a statement used, and those of its best plan."""

    winners: Names
    best: Names
    cost: float


def explore(prices: Prices, target: Target, candidates: Names, min_gain_pct: float) -> Explored:
    """Price the telling sets of candidates.

    All in sight shows the best that can be had. Without the covering ones it shows what is left
    for small budgets; without those of one relation, how much each relation's are worth. Sets are
    as large as they can be: a plan that could see much and used little says most.
    """
    if not candidates:
        return Explored(_NOTHING, _NOTHING, target.cost_before)
    best = prices.price(target, candidates)
    if best.cost > target.cost_before * (1 - min_gain_pct / 100):
        return Explored(_NOTHING, _NOTHING, best.cost)
    seen = [best]
    covering = frozenset(c for c in candidates if prices.hypothetical(c).spec.included)
    if best.used & covering:
        seen.append(prices.price(target, candidates - covering))
    for priced in tuple(seen):
        seen += _by_relation(prices, target, priced)
    seen.append(prices.price(target, candidates - best.used))
    winners = frozenset(name for priced in seen for name in priced.used)
    return Explored(winners, best.used, best.cost)


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
