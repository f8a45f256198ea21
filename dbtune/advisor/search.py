"""Choose, price what was chosen, learn, choose again, until the bound is near."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Names, OutOfTime, Priced, Prices
from dbtune.advisor.program import Cut, Offer, Program, bound, choose
from dbtune.advisor.targets import Target

_GAP_ENOUGH = 0.01
_MAX_ROUNDS = 40
_PROBES = 6
_GUESS = 1.02
"""A merged index is taken to serve at 2 % above the narrow one, until it is priced."""


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
        """Search until the gap is small, planner calls run out, or nothing more is learned.

        `explains` tells how many planner calls were made so far.
        """
        best: Names = frozenset()
        best_objective = self.objective(best)
        lower = 0.0
        complete = True
        try:
            for _ in range(_MAX_ROUNDS):
                before = explains()
                program = self._program()
                chosen = choose(program, self.options)
                if (objective := self.objective(chosen)) < best_objective:
                    best, best_objective = chosen, objective
                optimistic, proven = bound(self._program(), self.options)
                lower = max(lower, proven)
                if best_objective - lower <= _GAP_ENOUGH * best_objective:
                    break
                self._probe(optimistic)
                if explains() == before or explains() > max_explains:
                    break
        except OutOfTime:
            complete = False
        return Found(best, best_objective, min(lower, best_objective), complete)

    def objective(self, chosen: Names) -> float:
        """What the workload costs with a set of indexes, their keep included."""
        reads = sum(
            self._weighted(target, self.prices.price(target, chosen & self.relevant[target.key]))
            for target in self.targets
        )
        return reads + sum(self.fixed[name] for name in chosen)

    def _weighted(self, target: Target, priced: Priced) -> float:
        return target.value * priced.cost / target.cost_before

    def _probe(self, optimistic: Names) -> None:
        """Price the statements about which the bound is most mistaken."""
        doubts = []
        for target in self.targets:
            wanted = optimistic & self.relevant[target.key]
            if self.prices.find(target, wanted) is None:
                known = min(self._weighted(target, p) for p in self._within(target, wanted))
                floor = max(
                    cut.floor - sum(r for n, r in cut.relief.items() if n in wanted)
                    for cut in self._cuts(target)
                )
                doubts.append((floor - known, target.key, target, wanted))
        for _, _, target, wanted in sorted(doubts, key=lambda d: d[:2])[:_PROBES]:
            self.prices.price(target, wanted)

    def _within(self, target: Target, chosen: Names) -> list[Priced]:
        return [p for p in self.prices.known(target) if p.used <= chosen]

    def _program(self) -> Program:
        names = sorted(self.fixed)
        return Program(
            fixed=self.fixed,
            sizes={name: self.prices.size(name) for name in names},
            relations={name: self.prices.hypothetical(name).spec.relation for name in names},
            offers={t.key: self._offers(t) for t in self.targets},
            cuts={t.key: tuple(self._cuts(t)) for t in self.targets},
        )

    def _offers(self, target: Target) -> tuple[Offer, ...]:
        """Known combinations, and guesses for merged indexes that nothing contradicts yet."""
        relevant = self.relevant[target.key]
        offers: dict[Names, float] = {}
        for priced in self.prices.known(target):
            if priced.used <= relevant:
                cost = self._weighted(target, priced)
                offers[priced.used] = min(cost, offers.get(priced.used, cost))
        guesses: dict[Names, float] = {}
        for wide, narrow in self.substitutes.get(target.key, ()):
            for needs, cost in offers.items():
                swapped = needs - {narrow} | {wide}
                if narrow in needs and swapped not in offers and not self._tried(target, swapped):
                    guesses[swapped] = min(cost * _GUESS, guesses.get(swapped, cost * _GUESS))
        offers.update(guesses)
        return tuple(Offer(needs, cost) for needs, cost in _undominated(offers))

    def _tried(self, target: Target, chosen: Names) -> bool:
        return any(chosen <= p.visible for p in self.prices.known(target)[1:] if p.used <= chosen)

    def _cuts(self, target: Target) -> Iterator[Cut]:
        """What known plans prove: with fewer indexes in sight a statement costs no less."""
        relevant = self.relevant[target.key]
        known: dict[Names, float] = {}
        for priced in self.prices.known(target):
            visible = priced.visible & relevant
            known[visible] = max(self._weighted(target, priced), known.get(visible, 0.0))
        least = min(known.values())
        for visible, floor in known.items():
            hidden = relevant - visible
            yield Cut(floor, dict.fromkeys(sorted(hidden), max(0.0, floor - least)))
            for wider, cost in known.items():
                if visible < wider and wider != relevant and cost < floor:
                    relief = {n: floor - (cost if n in wider else least) for n in sorted(hidden)}
                    yield Cut(floor, relief)


def _undominated(offers: Mapping[Names, float]) -> Iterator[tuple[Names, float]]:
    """Offers that no other beats with fewer needs."""
    for needs, cost in sorted(offers.items(), key=lambda o: (len(o[0]), sorted(o[0]))):
        if not any(other < needs and price <= cost for other, price in offers.items()):
            yield needs, cost
