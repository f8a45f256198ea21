"""The choice of indexes as two integer programs: one that is safe, one that bounds it.

`choose` picks among combinations whose price is known: what it promises can be had. `bound` knows
only what no choice can beat: a statement costs at least what a known plan costs, unless an index
is chosen that this plan could not see. The optimum lies between the two. (The first is the
formulation of CoPhy, Dash, Polyzotis and Ailamaki, VLDB 2011; the second is a Benders
decomposition, whose cuts are known plans.)
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dbtune.advisor.options import AdvisorOptions

Names = frozenset[str]

_CHOICE_GAP = 1e-6
_BOUND_GAP = 0.002
_SOLVER_SECONDS = 10.0
_MAX_WHOLE = 300


@dataclass(frozen=True, slots=True)
class Offer:
    """A statement served by a combination of indexes, all of which it needs, at a cost."""

    needs: Names
    cost: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The statement costs at least `floor`, less `relief` for each index of it that is chosen."""

    floor: float
    relief: Mapping[str, float]


@dataclass(frozen=True)
class Program:
    """What is to be chosen from.

    `fixed` is what each index costs by being there, `sizes` its bytes, `relations` where it
    stands. `offers` and `cuts` are by statement; their costs are weighted, in the objective's unit.
    """

    fixed: Mapping[str, float]
    sizes: Mapping[str, int]
    relations: Mapping[str, object]
    offers: Mapping[str, Sequence[Offer]] = field(default_factory=dict)
    cuts: Mapping[str, Sequence[Cut]] = field(default_factory=dict)


def choose(program: Program, options: AdvisorOptions) -> Names:
    """The best set of indexes by the offers."""
    model = _Model(program, options, _CHOICE_GAP)
    for offers in program.offers.values():
        picks = [(model.variable(offer.cost, upper=1.0), offer) for offer in offers]
        model.row(1.0, 1.0, {pick: 1.0 for pick, _ in picks})
        by_need: dict[str, dict[int, float]] = {}
        for pick, offer in picks:
            for name in offer.needs:
                by_need.setdefault(name, {})[pick] = 1.0
        for name, terms in sorted(by_need.items()):
            model.row(-model.infinity, 0.0, {**terms, model.indexes[name]: -1.0})
    return model.solve()[0]


def bound(program: Program, options: AdvisorOptions) -> float:
    """What no set of indexes can beat, by the cuts.

    Many candidates may be chosen in part, which only lowers the bound and saves much time.
    """
    whole = len(program.fixed) <= _MAX_WHOLE
    model = _Model(program, options, _BOUND_GAP, whole=whole)
    for cuts in program.cuts.values():
        cost = model.variable(1.0, upper=model.infinity)
        for cut in cuts:
            terms = {model.indexes[name]: relief for name, relief in cut.relief.items()}
            model.row(cut.floor, model.infinity, {cost: 1.0, **terms})
    return max(0.0, model.solve()[1])


class _Model:
    """A HiGHS model with one binary variable for each index, under the user's limits."""

    def __init__(
        self, program: Program, options: AdvisorOptions, gap: float, *, whole: bool = True
    ) -> None:
        # Imported late: it takes 0.2 s, and most commands need no solver.
        highspy: Any = importlib.import_module("highspy")
        self._highs = highspy.Highs()
        self._names = sorted(program.fixed)
        self.infinity: float = highspy.kHighsInf
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("mip_rel_gap", gap),
            ("time_limit", _SOLVER_SECONDS),
        ):
            self._highs.setOptionValue(option, value)
        self.indexes = {name: self.variable(program.fixed[name], 1.0) for name in self._names}
        for column in self.indexes.values() if whole else ():
            self._highs.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        self._whole = whole
        self._limit(program, options)

    def variable(self, cost: float, upper: float) -> int:
        """A variable from 0 to `upper`; returns its number."""
        self._highs.addVar(0.0, upper)
        number = int(self._highs.getNumCol()) - 1
        self._highs.changeColCost(number, cost)
        return number

    def row(self, lower: float, upper: float, terms: Mapping[int, float]) -> None:
        columns = list(terms)
        self._highs.addRow(lower, upper, len(columns), columns, [terms[c] for c in columns])

    def _limit(self, program: Program, options: AdvisorOptions) -> None:
        if options.budget_bytes is not None:
            megabytes = {self.indexes[n]: program.sizes[n] / 2**20 for n in self._names}
            self.row(0.0, options.budget_bytes / 2**20, megabytes)
        if options.max_indexes is not None:
            self.row(0.0, options.max_indexes, dict.fromkeys(self.indexes.values(), 1.0))
        if options.max_per_table is not None:
            for relation in dict.fromkeys(program.relations[n] for n in self._names):
                there = [n for n in self._names if program.relations[n] == relation]
                self.row(0.0, options.max_per_table, {self.indexes[n]: 1.0 for n in there})

    def solve(self) -> tuple[Names, float]:
        """The chosen indexes, and the proven bound of the objective."""
        self._highs.run()
        values = self._highs.getSolution().col_value
        chosen = frozenset(n for n, column in self.indexes.items() if values[column] > 0.5)
        found = self._highs.getInfo()
        proven = found.mip_dual_bound if self._whole else found.objective_function_value
        return chosen, float(proven)
