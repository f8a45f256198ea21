"""Choose, ask what the choice rests on, choose again, until the bound is near.

The bound's program says which set would be best if the planner did as well as nothing yet
contradicts. For each statement that this set would serve better than any known plan does, the
planner is shown everything but the keys to those plans that are known to be better still. Its
answer either is a new plan, or proves for all such sets at once that there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Names, OutOfTime, Priced, Prices
from dbtune.advisor.program import FINE, Floor, Offer, Program, bound, choose
from dbtune.advisor.settle import settle
from dbtune.advisor.targets import Target
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec

_NOTHING: Names = frozenset()

_NEAR = 0.01
_MAX_ROUNDS = 60
_PARTS_OF_GAP = 4
"""The programs are solved to this part of the gap that is left, since they soon change."""
_COARSEST = 3.0
_FINEST = 0.2
"""What a statement may be uncertain by, in even parts of the gap: first the doubts that weigh most.
Where all are known this much better than the gap asks for, more questions are idle."""
_FINER = 4
"""Once a round asks fewer questions than there are statements, it is time to doubt more finely."""
_QUESTIONS = 3
"""Questions in a row about one statement, before another set is tried."""


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

    def run(self) -> Found:
        """Search until the bound is near, planner calls run out, or time does."""
        best = Found(frozenset(), self.promised(frozenset()), 0.0, complete=True)
        served = [target for target in self.targets if self.relevant[target.key]]
        self.prices.reserve = len(served)
        share, answers, enough = _COARSEST, 0, len(served)
        wanted = _NOTHING
        try:
            for _ in range(_MAX_ROUNDS):
                gap = self._fineness(best)
                wanted, lower = bound(self._program(), self.options, gap, wanted)
                best = self._better(best, wanted, lower)
                uncertain = share * max(best.gap, _NEAR) * best.objective
                asked = self._ask_about(wanted, uncertain / max(len(served), 1), served)
                answers += asked
                is_idle = share < _FINEST and gap <= self._fineness(best)
                is_last = best.gap <= _NEAR or is_idle
                if answers >= enough or is_last:
                    choice = choose(self._program(), self.options, gap, best.chosen)
                    best, answers = self._better(best, choice, lower), 0
                if is_last or best.gap <= _NEAR:
                    break
                if asked < enough and share >= _FINEST:
                    share /= _FINER
        except OutOfTime:
            choice = choose(self._program(), self.options, start=best.chosen)
            best = self._better(best, choice, best.bound)
        self.prices.reserve = 0
        chosen, complete = self._settled(best.chosen)
        if chosen != best.chosen and complete and self.options.are_limits:
            chosen, complete = self._filled(chosen, best.chosen - chosen)
        lower = bound(self._program(), self.options, start=wanted)[1]
        return Found(chosen, self.promised(chosen), lower, complete)

    def _fineness(self, best: Found) -> float:
        """How near to its optimum a program is to be solved now."""
        return max(FINE, best.gap / _PARTS_OF_GAP)

    def _settled(self, chosen: Names) -> tuple[Names, bool]:
        """A set without what it does without; False if there was no time to see to it."""
        try:
            for step in settle(self, chosen):
                chosen = step
        except OutOfTime:
            return chosen, not self.prices.is_over
        return chosen, True

    def _filled(self, chosen: Names, left_out: Names) -> tuple[Names, bool]:
        """A better set, if what was left out of one has made room for others."""
        too_dear = dict.fromkeys(left_out, self.promised(_NOTHING))
        program = replace(self._program(), fixed={**self.fixed, **too_dear})
        filled, complete = self._settled(choose(program, self.options, start=chosen))
        better = self.promised(filled) < self.promised(chosen)
        return (filled if better else chosen), complete

    def _better(self, best: Found, chosen: Names, lower: float) -> Found:
        objective = self.promised(chosen)
        if objective < best.objective and self.is_allowed(chosen):
            return Found(chosen, objective, lower, complete=True)
        return Found(best.chosen, best.objective, lower, complete=True)

    def _ask_about(self, wanted: Names, tolerance: float, served: Sequence[Target]) -> int:
        """Narrow what is not known of a set; returns the number of questions asked.

        A statement whose part in the objective is known within the tolerance is left.
        """
        asked = 0
        for target in served:
            chosen = wanted & self.relevant[target.key]
            unit = target.value / target.cost_before
            for _ in range(_QUESTIONS if chosen else 0):
                promised = self.prices.offer(target, chosen).cost
                if unit * (promised - self.prices.least(target, chosen)) <= tolerance:
                    break
                shown = self._shown(target, chosen, promised - tolerance / 2 / unit)
                self.prices.price(target, shown)
                asked += 1
        return asked

    def _shown(self, target: Target, chosen: Names, limit: float) -> Names:
        """All candidates, except that each known plan below the limit lacks one it needs.

        What is hidden is as large as can be: then it costs most to escape the answer.
        """
        better, relevant = self.prices.better(target), self.relevant[target.key]
        lacking = (
            frozenset(n for n in used - chosen if not better.get(n, _NOTHING) & chosen)
            for used, offer in self.prices.offers(target).items()
            if offer.cost < limit
        )
        cheaper = [needs for needs in lacking if needs]
        hidden: set[str] = set()
        while cheaper:
            left = Counter(name for needs in cheaper for name in needs)
            largest = max(left, key=lambda n: (self.prices.size(n), left[n], n))
            alike = {n for n, them in better.items() if largest in them}
            family = self._wider[largest] & relevant
            hidden |= ({largest} | better.get(largest, _NOTHING) | alike | family) - chosen
            cheaper = [needs for needs in cheaper if not needs & hidden]
        return relevant - hidden

    def promised(self, chosen: Names) -> float:
        """What the workload costs at most with a set of indexes, their keep included."""
        reads = sum(
            self.weighted(target, self.prices.promised(target, chosen & self.relevant[target.key]))
            for target in self.targets
        )
        return reads + sum(self.fixed[name] for name in chosen)

    def weighted(self, target: Target, priced: Priced) -> float:
        """What a plan of the statement makes of its value."""
        return target.value * priced.cost / target.cost_before

    @cached_property
    def relations(self) -> Mapping[str, QualifiedName]:
        """The relation of each candidate."""
        return {name: self.prices.hypothetical(name).spec.relation for name in self.fixed}

    @cached_property
    def _wider(self) -> Mapping[str, Names]:
        """For each candidate, those that begin alike and are no smaller."""
        alike: dict[object, list[str]] = {}
        for name in sorted(self.fixed, key=lambda n: (-self.prices.size(n), n)):
            spec = self.prices.hypothetical(name).spec
            alike.setdefault((spec.relation, spec.keys[0]), []).append(name)
        return {
            name: frozenset(family[:place])
            for family in alike.values()
            for place, name in enumerate(family, start=1)
        }

    @cached_property
    def specs_on(self) -> Mapping[QualifiedName, Sequence[IndexSpec]]:
        """The candidates of each relation."""
        on: dict[QualifiedName, list[IndexSpec]] = {}
        for name in sorted(self.prices.names()):
            spec = self.prices.hypothetical(name).spec
            on.setdefault(spec.relation, []).append(spec)
        return on

    @cached_property
    def _targets_of(self) -> Mapping[str, tuple[Target, ...]]:
        of: dict[str, list[Target]] = {}
        for target in self.targets:
            for name in self.relevant[target.key]:
                of.setdefault(name, []).append(target)
        return {name: tuple(targets) for name, targets in of.items()}

    def concerned(self, names: Names) -> tuple[Target, ...]:
        """Targets for which one of the indexes is a candidate."""
        of = self._targets_of
        return tuple({t.key: t for name in sorted(names) for t in of.get(name, ())}.values())

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

    def _program(self) -> Program:
        return Program(
            fixed=self.fixed,
            sizes={name: self.prices.size(name) for name in self.fixed},
            relations=self.relations,
            offers={t.key: tuple(self._offers(t)) for t in self.targets},
            floors={t.key: tuple(self._floors(t)) for t in self.targets},
            better={t.key: self.prices.better(t) for t in self.targets},
        )

    def _offers(self, target: Target) -> Iterator[Offer]:
        relevant = self.relevant[target.key]
        for used, priced in self.prices.offers(target).items():
            if used <= relevant:
                yield Offer(used, self.weighted(target, priced))

    def _floors(self, target: Target) -> Iterator[Floor]:
        relevant = self.relevant[target.key]
        unit = target.value / target.cost_before
        for visible, cost in self.prices.floors(target).items():
            yield Floor(unit * cost, relevant - visible)
