"""Prices: what is known of a statement's plans, asked of the engine only when it does not follow.

With more indexes in sight the planner seldom chooses a dearer plan, and an index that a plan does
not use does not change it. So a plan with `visible` in sight, of which it uses `used`, tells three
things: the price of every set between the two; what any set that holds `used` can be served for
(an offer); and what no set within `visible` can beat (a floor). Where the planner was seen to do
worse with more in sight, the floor is the better plan.

What an index tells, those tell too that serve the statement no better (see `alike`): a set counts
as seen if for each index of it a better one was in sight, and a plan can be had, about, with better
indexes in the place of those that it used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dbtune.advisor.alike import better_ones
from dbtune.advisor.targets import Target
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, PricingEngine
from dbtune.statement.model import Statement
from dbtune.workload import WorkloadStatement

Names = frozenset[str]

_NOTHING: Names = frozenset()


@dataclass(frozen=True)
class Priced:
    """One plan of one statement: candidates in sight, those it uses, its cost."""

    visible: Names
    used: Names
    cost: float
    plan: Plan


@dataclass
class _Known:
    """The plans of one statement, the cheapest for each combination used, and the floors."""

    plans: list[tuple[Priced, Names]] = field(default_factory=list)
    offers: dict[Names, Priced] = field(default_factory=dict)
    floors: dict[Names, float] = field(default_factory=dict)
    better: Mapping[str, Names] = field(default_factory=dict)

    def compare(self, better: Mapping[str, Names]) -> None:
        """Take in which candidates serve no worse than others; all plans are seen anew."""
        plans, self.better = [priced for priced, _ in self.plans], better
        self.plans, self.offers, self.floors = [], {}, {}
        for priced in plans:
            self.add(priced)

    def add(self, priced: Priced) -> None:
        seen = self._seen(priced.visible)
        self.plans.append((priced, seen))
        offer = self.offers.get(priced.used)
        if offer is None or priced.cost < offer.cost:
            self.offers[priced.used] = priced
        for visible, floor in self.floors.items():
            if priced.used <= visible and priced.cost < floor:
                self.floors[visible] = priced.cost
        least = min(o.cost for used, o in self.offers.items() if used <= seen)
        self.floors[seen] = min(least, self.floors.get(seen, least))

    def can_have(self, used: Names, chosen: Names) -> bool:
        """True if a set holds the indexes used, or better ones in their place."""
        return used <= chosen or all(self.better.get(n, _NOTHING) & chosen for n in used - chosen)

    def _seen(self, visible: Names) -> Names:
        worse = (name for name, better in self.better.items() if better & visible)
        return visible.union(worse)


class Prices:
    """The plans priced so far.

    Raises OutOfTime past the deadline and when planner calls have run out, so that searches can
    stop. `reserve` is the number of calls kept back for later.
    """

    def __init__(
        self,
        engine: PricingEngine,
        deadline: float | None = None,
        max_explains: int | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._is_stopped = is_stopped
        self._deadline = deadline
        self._before = engine.explains
        self._hypothetical: dict[str, Hypothetical] = {}
        self._owners: dict[str, str] = {}
        self._known: dict[str, _Known] = {}
        self._with_statistics: Names = frozenset()
        self.max_explains = max_explains
        self.reserve = 0

    def add(self, hypothetical: Hypothetical) -> None:
        """Make a candidate known by its name, and by those that it has on partitions."""
        self._hypothetical[hypothetical.name] = hypothetical
        for name in (hypothetical.name, *hypothetical.parts):
            self._owners[name] = hypothetical.name
        if any(key.expression for key in hypothetical.spec.keys):
            self._with_statistics |= {hypothetical.name}

    @property
    def explains(self) -> int:
        """Planner calls made so far."""
        return self._engine.explains - self._before

    @property
    def is_over(self) -> bool:
        """True once the deadline has passed, or the user wants an end."""
        if self._is_stopped():
            return True
        return self._deadline is not None and time.monotonic() > self._deadline

    @property
    def is_spent(self) -> bool:
        """True once no planner call is left but those kept back."""
        return self.max_explains is not None and self.explains >= self.max_explains - self.reserve

    def plan(self, statement: WorkloadStatement, shown: Names = _NOTHING) -> Plan | Unplanned:
        """One planner call."""
        if self.is_over or self.is_spent:
            raise OutOfTime
        return self._engine.plan(
            statement.planned_text,
            show=sorted(shown),
            search_path=statement.statistics.search_path,
        )

    def start(self, target: Target) -> None:
        """Note the plan that the statement has without candidates."""
        known = self._known[target.key] = _Known()
        known.add(Priced(_NOTHING, _NOTHING, target.cost_before, target.plan_before))

    def compare(self, target: Target, candidates: Names) -> None:
        """Work out which of a target's candidates serve it no worse than others."""
        parsed = target.statement.parsed
        if isinstance(parsed, Statement):
            specs = {n: (self.hypothetical(n).spec, self.size(n)) for n in candidates}
            self._known[target.key].compare(better_ones(parsed, specs))

    def better(self, target: Target) -> Mapping[str, Names]:
        """For candidates, those that serve the target no worse."""
        return self._known[target.key].better

    def known(self, target: Target) -> tuple[Priced, ...]:
        return tuple(priced for priced, _ in self._known[target.key].plans)

    def offers(self, target: Target) -> Mapping[Names, Priced]:
        """The cheapest plan for each combination of candidates that some plan used."""
        return self._known[target.key].offers

    def floors(self, target: Target) -> Mapping[Names, float]:
        """For sets of candidates, the cost that no subset of them can beat."""
        return self._known[target.key].floors

    def least(self, target: Target, chosen: Names) -> float:
        """What the statement cannot beat with a set of candidates."""
        floors = self._known[target.key].floors
        return max((cost for visible, cost in floors.items() if chosen <= visible), default=0.0)

    def promised(self, target: Target, chosen: Names) -> Priced:
        """The price of a set where it is known, else the best known plan that it allows."""
        found = self.find(target, chosen)
        if found is not None:
            return found
        return self.offer(target, chosen)

    def offer(self, target: Target, chosen: Names) -> Priced:
        """The best known plan that a set, or better indexes in it, allows."""
        known = self._known[target.key]
        offers = (o for used, o in known.offers.items() if known.can_have(used, chosen))
        return min(offers, key=lambda o: o.cost)

    def find(self, target: Target, chosen: Names) -> Priced | None:
        """The price of a set, if it follows from what is known."""
        for priced, seen in self._known[target.key].plans:
            # The statistics of an expression index count even where the index is not used.
            differing = (priced.visible ^ chosen) & self._with_statistics
            if priced.used <= chosen <= seen and not differing:
                return priced
        return None

    def price(self, target: Target, chosen: Names) -> Priced:
        """The price of a set of candidates for a statement."""
        found = self.find(target, chosen)
        if found is None:
            found = self._ask(target, chosen)
            self._known[target.key].add(found)
        return found

    def _ask(self, target: Target, chosen: Names) -> Priced:
        chosen = self._best_of(target, chosen)
        plan = self.plan(target.statement, chosen)
        if isinstance(plan, Unplanned):  # it had a plan before: take that as the truth
            return Priced(chosen, _NOTHING, target.cost_before, target.plan_before)
        used = frozenset(self._owners[i] for i in plan.indexes_used() if i in self._owners)
        return Priced(chosen, used & chosen, plan.total_cost, plan)

    def _best_of(self, target: Target, chosen: Names) -> Names:
        """The set without what others in it serve no worse for: the planner has less to try."""
        better = self.better(target)
        kept: set[str] = set()
        for name in sorted(chosen, key=lambda n: (self.size(n), len(better.get(n, _NOTHING)), n)):
            if not better.get(name, _NOTHING) & kept:
                kept.add(name)
        return frozenset(kept)

    def size(self, name: str) -> int:
        return self._hypothetical[name].size_bytes

    def names(self) -> Names:
        """All candidates."""
        return frozenset(self._hypothetical)

    def hypothetical(self, name: str) -> Hypothetical:
        return self._hypothetical[name]


class OutOfTime(Exception):
    """Time or planner calls have run out, or Ctrl-C came; what is known so far stands."""
