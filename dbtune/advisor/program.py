"""The choice of indexes as two integer programs: one that is safe, one that bounds it.

`choose` picks among plans that were seen: what it promises can be had. `bound` knows only what no
choice can beat: a statement costs at least what a known plan costs, unless an index is chosen that
this plan could not see. The optimum lies between the two. (The first is the formulation of CoPhy,
Dash, Polyzotis and Ailamaki, VLDB 2011; the second is a Benders decomposition, whose cuts are
known plans.)
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Thread
from typing import Any

from dbtune.advisor.options import AdvisorOptions

Names = frozenset[str]

FINE = 0.001
"""How near to its optimum, in parts of what the workload costs, a program is solved at best."""
_MAX_NODES = 3000
"""The solver stops here: a limit of time would make the answer depend on the machine."""
_MAX_WHOLE = 400
_SOLVER = "highspy"


@dataclass(frozen=True, slots=True)
class Offer:
    """A statement served by a combination of indexes, all of which it needs, at a cost."""

    needs: Names
    cost: float


@dataclass(frozen=True, slots=True)
class Floor:
    """The statement costs at least this, unless one of `escapes` is chosen."""

    cost: float
    escapes: Names


@dataclass(frozen=True)
class Program:
    """What is to be chosen from.

    `fixed` is what each index costs by being there, `sizes` its bytes, `relations` where it
    stands. `offers` and `floors` are by statement; their costs are weighted, in the objective's
    unit. Each statement has an offer without needs and a floor without escapes. `better` tells by
    statement which indexes may stand for another that an offer needs.
    """

    fixed: Mapping[str, float]
    sizes: Mapping[str, int]
    relations: Mapping[str, object]
    offers: Mapping[str, Sequence[Offer]] = field(default_factory=dict)
    floors: Mapping[str, Sequence[Floor]] = field(default_factory=dict)
    better: Mapping[str, Mapping[str, Names]] = field(default_factory=dict)


def prepare() -> None:
    """Begin to import the solver: it takes 0.2 s, in which a server may be at work."""
    Thread(target=importlib.import_module, args=(_SOLVER,)).start()


def choose(
    program: Program, options: AdvisorOptions, gap: float = FINE, start: Names = frozenset()
) -> Names:
    """The best set of indexes by the offers, to a relative gap; `start` is one to better."""
    offers = {key: _undominated(of) for key, of in program.offers.items()}
    names = {
        name
        for key, of in offers.items()
        for offer in of
        for need in offer.needs
        for name in _any_of(program, key, need)
    }
    model = _Model(program, sorted(names), options, gap)
    for key, of in offers.items():
        picks = [(model.variable(offer.cost, upper=1.0), offer) for offer in of]
        model.row(1.0, 1.0, {pick: 1.0 for pick, _ in picks})
        by_need: dict[str, dict[int, float]] = {}
        for pick, offer in picks:
            for name in offer.needs:
                by_need.setdefault(name, {})[pick] = 1.0
        for name, terms in sorted(by_need.items()):
            serving = (model.indexes[n] for n in sorted(_any_of(program, key, name)))
            model.row(-model.infinity, 0.0, {**terms, **dict.fromkeys(serving, -1.0)})
    return model.solve(start)[0]


def _any_of(program: Program, key: str, name: str) -> Names:
    """The index, and those that are as good for the statement."""
    better = program.better.get(key, {}).get(name, frozenset())
    return frozenset((name,)) | (better & program.fixed.keys())


def _undominated(offers: Sequence[Offer]) -> list[Offer]:
    """Offers that no other beats with fewer needs."""
    return [
        offer
        for offer in sorted(offers, key=lambda o: (len(o.needs), sorted(o.needs)))
        if not any(o.needs < offer.needs and o.cost <= offer.cost for o in offers)
    ]


def bound(
    program: Program, options: AdvisorOptions, gap: float = FINE, start: Names = frozenset()
) -> tuple[Names, float]:
    """The set that looks best by the floors, and what no set can beat, to a relative gap.

    `start` is the set that looked best before.
    A statement's floors are stairs: it gets below one only if it gets below all higher ones.
    Many candidates may be chosen in part, which only lowers the bound and saves much time.
    """
    stairs = {key: _stairs(floors) for key, floors in program.floors.items()}
    names = _representatives(program, stairs)
    there = frozenset(names)
    model = _Model(program, names, options, gap, whole=len(names) <= _MAX_WHOLE)
    model.offset(sum(floors[0].cost for floors in stairs.values()))
    for floors in stairs.values():
        above: int | None = None
        for floor, lower in pairwise(floors):
            step = model.variable(lower.cost - floor.cost, upper=1.0)
            escapes = {model.indexes[name]: -1.0 for name in sorted(floor.escapes & there)}
            model.row(-model.infinity, 0.0, {step: 1.0, **escapes})
            if above is not None:
                model.row(-model.infinity, 0.0, {step: 1.0, above: -1.0})
            above = step
    wanted, proven = model.solve(start)
    return wanted, max(0.0, proven)


def _stairs(floors: Sequence[Floor]) -> list[Floor]:
    """From the highest floor to the lowest; those that follow from others left out."""
    kept: list[Floor] = []
    for floor in sorted(floors, key=lambda f: (-f.cost, len(f.escapes), sorted(f.escapes))):
        if not any(higher.escapes <= floor.escapes for higher in kept):
            kept.append(floor)
    return kept


def _representatives(program: Program, stairs: Mapping[str, Sequence[Floor]]) -> list[str]:
    """Of indexes that help past the same floors, those that none of them beats in size and keep."""
    helps: dict[str, list[tuple[str, int]]] = {}
    for key, floors in stairs.items():
        for place, floor in enumerate(floors):
            for name in floor.escapes:
                helps.setdefault(name, []).append((key, place))
    alike: dict[object, list[str]] = {}
    for name in sorted(helps):
        alike.setdefault((program.relations[name], tuple(helps[name])), []).append(name)
    return sorted(name for group in alike.values() for name in _frontier(program, group))


def _frontier(program: Program, group: list[str]) -> Iterator[str]:
    least = float("inf")
    for name in sorted(group, key=lambda n: (program.sizes[n], program.fixed[n], n)):
        if program.fixed[name] < least:
            least = program.fixed[name]
            yield name


class _Model:
    """A HiGHS model with one binary variable for each index, under the user's limits."""

    def __init__(
        self,
        program: Program,
        names: Sequence[str],
        options: AdvisorOptions,
        gap: float,
        *,
        whole: bool = True,
    ) -> None:
        highspy: Any = importlib.import_module(_SOLVER)  # late: most commands need none
        self._highs = highspy.Highs()
        self.infinity: float = highspy.kHighsInf
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("mip_rel_gap", gap),
            ("mip_max_nodes", _MAX_NODES),
            ("mip_allow_restart", False),  # five times as fast, and no worse
            # Each a tenth or fifth of the rest, for nothing: there is a start to better.
            ("mip_heuristic_run_feasibility_jump", False),
            ("mip_heuristic_run_root_reduced_cost", False),
            ("mip_heuristic_run_rins", False),
            ("mip_allow_cut_separation_at_nodes", False),
        ):
            self._highs.setOptionValue(option, value)
        self.indexes = {name: self.variable(program.fixed[name], 1.0) for name in names}
        if whole:
            columns = list(self.indexes.values())
            kinds = [highspy.HighsVarType.kInteger.value] * len(columns)
            self._highs.changeColsIntegrality(len(columns), columns, kinds)
        self._whole = whole and bool(names)
        self._limit(program, options)

    def variable(self, cost: float, upper: float) -> int:
        """A variable from 0 to `upper`; returns its number."""
        self._highs.addVar(0.0, upper)
        number = int(self._highs.getNumCol()) - 1
        self._highs.changeColCost(number, cost)
        return number

    def offset(self, cost: float) -> None:
        """What is paid whatever is chosen: gaps are measured against the whole."""
        self._highs.changeObjectiveOffset(cost)

    def row(self, lower: float, upper: float, terms: Mapping[int, float]) -> None:
        columns = list(terms)
        self._highs.addRow(lower, upper, len(columns), columns, [terms[c] for c in columns])

    def _limit(self, program: Program, options: AdvisorOptions) -> None:
        if options.budget_bytes is not None:
            megabytes = {c: program.sizes[n] / 2**20 for n, c in self.indexes.items()}
            self.row(0.0, options.budget_bytes / 2**20, megabytes)
        if options.max_indexes is not None:
            self.row(0.0, options.max_indexes, dict.fromkeys(self.indexes.values(), 1.0))
        if options.max_per_table is not None:
            by_relation: dict[object, dict[int, float]] = {}
            for name, column in self.indexes.items():
                by_relation.setdefault(program.relations[name], {})[column] = 1.0
            for terms in by_relation.values():
                self.row(0.0, options.max_per_table, terms)

    def solve(self, start: Names) -> tuple[Names, float]:
        """The chosen indexes, and the proven bound; `start` saves half of the time."""
        if start and self._whole:
            values = [float(name in start) for name in self.indexes]
            self._highs.setSolution(len(values), list(self.indexes.values()), values)
        self._highs.run()
        values = self._highs.getSolution().col_value
        chosen = frozenset(n for n, column in self.indexes.items() if values[column] > 0.5)
        found = self._highs.getInfo()
        proven = found.mip_dual_bound if self._whole else found.objective_function_value
        return chosen, float(proven)
