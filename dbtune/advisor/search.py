"""Choose, price what was chosen, learn, choose again, until the bound is near."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from dbtune.advisor.improve import improve, settle
from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Names, OutOfTime, Priced, Prices
from dbtune.advisor.program import Cut, Offer, Program, bound, choose
from dbtune.advisor.targets import Target
from dbtune.identifier import QualifiedName

_MAX_ROUNDS = 40
_USEFUL = 0.97
_CAUTION = 1.5
"""A price that rests on guesses is taken for this much more, to choose by."""
_CHAINS = 3
_GUESS = 1.02
_LOOSE_GUESS = 2.0
"""A wider index is taken to serve at 2 % above the narrow one, until it is priced; at twice its
price where it only includes what the narrow one has as keys."""


@dataclass(frozen=True)
class Found:
    """The best set, what the objective is with it, and the bound that no set can beat."""

    chosen: Names
    objective: float
    bound: float
    complete: bool

    @property
    def gap(self) -> float:
        """Relative distance to the bound, 0 when the set is proven best."""
        if self.objective <= 0:
            return 0.0
        return max(0.0, (self.objective - self.bound) / self.objective)


@dataclass
class Search:
    """One selection. `relevant` are each target's candidates; `fixed` what each index costs."""

    targets: Sequence[Target]
    relevant: Mapping[str, Names]
    fixed: Mapping[str, float]
    prices: Prices
    options: AdvisorOptions
    substitutes: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def run(self, max_explains: int, explains: Callable[[], int]) -> Found:
        """Search until nothing better is found, planner calls run out, or time does.

        `explains` tells how many planner calls were made so far.
        """
        best: Names = frozenset()
        best_objective = self.objective(best)
        lower = 0.0
        complete = True

        def is_spent() -> bool:
            return explains() > max_explains

        try:
            for _ in range(_MAX_ROUNDS):
                before = explains()
                chosen = choose(self._program(), self.options)
                if (objective := self.objective(chosen)) < best_objective:
                    best, best_objective = chosen, objective
                if explains() == before or explains() > max_explains:
                    break
            for step in improve(self, best, best_objective, is_spent):
                best, best_objective = step
            best = settle(self, best)
            best_objective = self.objective(best)
            lower = bound(self._program(), self.options)
        except OutOfTime:
            complete = False
        return Found(best, best_objective, min(lower, best_objective), complete)

    def objective(self, chosen: Names) -> float:
        """What the workload costs with a set of indexes, their keep included."""
        reads = sum(
            self.weighted(target, self.prices.price(target, chosen & self.relevant[target.key]))
            for target in self.targets
        )
        return reads + sum(self.fixed[name] for name in chosen)

    def weighted(self, target: Target, priced: Priced) -> float:
        """What a plan of the statement makes of its value."""
        is_loose = any(self.prices.head(n) in target.loose for n in priced.used)
        caution = _CAUTION if is_loose else 1.0
        return target.value * caution * priced.cost / target.cost_before

    def least(self, target: Target, chosen: Names) -> float:
        """A bound that the statement cannot beat with a set: plans that could see more."""
        wanted = chosen & self.relevant[target.key]
        found = self.prices.find(target, wanted)
        if found is not None:
            return self.weighted(target, found)
        known = self.prices.known(target)
        return max((self.weighted(target, p) for p in known if wanted <= p.visible), default=0.0)

    @cached_property
    def relations(self) -> Mapping[str, QualifiedName]:
        """The relation of each candidate."""
        return {name: self.prices.hypothetical(name).spec.relation for name in self.fixed}

    @cached_property
    def _targets_of(self) -> Mapping[str, tuple[Target, ...]]:
        of: dict[str, list[Target]] = {}
        for target in self.targets:
            for name in self.relevant[target.key]:
                of.setdefault(name, []).append(target)
        return {name: tuple(targets) for name, targets in of.items()}

    def is_allowed(self, chosen: Names) -> bool:
        """True if a set keeps to the user's limits."""
        options = self.options
        if options.max_indexes is not None and len(chosen) > options.max_indexes:
            return False
        if options.max_per_table is not None:
            counts = Counter(self.relations[name] for name in chosen)
            if max(counts.values(), default=0) > options.max_per_table:
                return False
        budget = options.budget_bytes
        return budget is None or sum(map(self.prices.size, chosen)) <= budget

    def concerned(self, names: Names) -> tuple[Target, ...]:
        """Targets for which one of the indexes is a candidate."""
        of = self._targets_of
        return tuple({t.key: t for name in sorted(names) for t in of.get(name, ())}.values())

    def _program(self) -> Program:
        names = sorted(self.fixed)
        return Program(
            fixed=self.fixed,
            sizes={name: self.prices.size(name) for name in names},
            relations=self.relations,
            offers={t.key: self._offers(t) for t in self.targets},
            cuts={t.key: tuple(self._cuts(t)) for t in self.targets},
        )

    def _offers(self, target: Target) -> tuple[Offer, ...]:
        """Known combinations, and guesses for merged indexes that nothing contradicts yet."""
        relevant = self.relevant[target.key]
        offers: dict[Names, float] = {}
        for priced in self.prices.known(target):
            if priced.used <= relevant:
                cost = self.weighted(target, priced)
                offers[priced.used] = min(cost, offers.get(priced.used, cost))
        guesses = self._guesses(target, offers)
        offers.update(
            (needs, cost) for needs, cost in guesses.items() if not self._tried(target, needs)
        )
        return tuple(Offer(needs, cost) for needs, cost in _undominated(offers))

    def _guesses(self, target: Target, offers: Mapping[Names, float]) -> dict[Names, float]:
        """Combinations not priced yet that may be worth it; what is chosen is then priced."""
        guesses: dict[Names, float] = {}

        def guess(needs: Names, cost: float) -> None:
            if needs not in offers:
                guesses[needs] = min(cost, guesses.get(needs, cost))

        for wide, narrow in self.substitutes.get(target.key, ()):
            for needs, cost in offers.items():
                if narrow in needs:
                    factor = _GUESS if self._begins_with(wide, narrow) else _LOOSE_GUESS
                    guess(needs - {narrow} | {wide}, cost * factor)
        useful = {n: c for n, c in offers.items() if n and c < _USEFUL * target.value}
        for (one, cost), (other, other_cost) in combinations(useful.items(), 2):
            if not self._relations(one) & self._relations(other):
                guess(one | other, cost * other_cost / target.value)
        return guesses

    def _begins_with(self, wide: str, narrow: str) -> bool:
        keys = self.prices.hypothetical(narrow).spec.keys
        return self.prices.hypothetical(wide).spec.keys[: len(keys)] == keys

    def _relations(self, names: Names) -> frozenset[object]:
        return frozenset(self.relations[name] for name in names)

    def _tried(self, target: Target, chosen: Names) -> bool:
        return any(chosen <= p.visible for p in self.prices.known(target)[1:] if p.used <= chosen)

    def _cuts(self, target: Target) -> Iterator[Cut]:
        """What known plans prove: with fewer indexes in sight a statement costs no less.

        A plan that could not see an index proves nothing once that index is chosen; the wider
        plans that could see it tell how much it may then cost at least.
        """
        relevant = self.relevant[target.key]
        known: dict[Names, float] = {}
        for priced in self.prices.known(target):
            visible = priced.visible & relevant
            known[visible] = max(self.weighted(target, priced), known.get(visible, 0.0))
        least = min(known.values())
        by_cost = sorted(known.items(), key=lambda k: (-k[1], len(k[0]), sorted(k[0])))
        for visible, floor in by_cost:
            for skip in range(_CHAINS):
                relief: dict[str, float] = {}
                reached = visible
                for wider, cost in [k for k in by_cost if visible < k[0]][skip:]:
                    if reached < wider:
                        relief.update(dict.fromkeys(sorted(wider - reached), floor - cost))
                        reached = wider
                rest = sorted(relevant - reached)
                relief.update(dict.fromkeys(rest, max(0.0, floor - least)))
                yield Cut(floor, {name: max(0.0, value) for name, value in relief.items()})


def _undominated(offers: Mapping[Names, float]) -> Iterator[tuple[Names, float]]:
    """Offers that no other beats with fewer needs."""
    for needs, cost in sorted(offers.items(), key=lambda o: (len(o[0]), sorted(o[0]))):
        if not any(other < needs and price <= cost for other, price in offers.items()):
            yield needs, cost
