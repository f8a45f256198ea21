"""Prices: what is known of a statement's plans, asked of the engine only when it does not follow.

With more indexes in sight the planner never chooses a dearer plan (up to its own 1 % fuzz), and
an index that a plan does not use does not change it. So from one plan, with `visible` in sight,
of which it uses `used`, the price of every set between the two is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dbtune.advisor.keys import index_head
from dbtune.advisor.targets import Target
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, PricingEngine

Names = frozenset[str]


@dataclass(frozen=True)
class Priced:
    """One plan of one statement: candidates in sight, those it uses, its cost."""

    visible: Names
    used: Names
    cost: float
    plan: Plan


class Prices:
    """The plans priced so far. Raises OutOfTime past the deadline, so that searches can stop."""

    def __init__(
        self,
        engine: PricingEngine,
        deadline: float | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._deadline = deadline
        self._is_stopped = is_stopped
        self._hypothetical: dict[str, Hypothetical] = {}
        self._heads: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._known: dict[str, list[Priced]] = {}
        self._fixed: Names = frozenset()

    def add(self, hypothetical: Hypothetical) -> None:
        """Make a candidate known by its name, and by those that it has on partitions."""
        self._hypothetical[hypothetical.name] = hypothetical
        self._heads[hypothetical.name] = index_head(hypothetical.spec)
        for name in (hypothetical.name, *hypothetical.parts):
            self._owners[name] = hypothetical.name
        if any(key.expression for key in hypothetical.spec.keys):
            self._fixed |= {hypothetical.name}

    @property
    def is_over(self) -> bool:
        """True once the deadline has passed, or the user wants an end."""
        if self._is_stopped():
            return True
        return self._deadline is not None and time.monotonic() > self._deadline

    def start(self, target: Target) -> None:
        """Note the plan that the statement has without candidates."""
        nothing: Names = frozenset()
        plan = target.plan_before
        self._known[target.key] = [Priced(nothing, nothing, target.cost_before, plan)]

    def known(self, target: Target) -> tuple[Priced, ...]:
        return tuple(self._known[target.key])

    def find(self, target: Target, chosen: Names) -> Priced | None:
        """The price of a set, if it follows from what is known."""
        for priced in self._known[target.key]:
            # The statistics of an expression index count even where the index is not used.
            same_statistics = priced.visible & self._fixed == chosen & self._fixed
            if priced.used <= chosen <= priced.visible and same_statistics:
                return priced
        return None

    def price(self, target: Target, chosen: Names) -> Priced:
        """The price of a set of candidates for a statement."""
        found = self.find(target, chosen)
        if found is None:
            found = self._ask(target, chosen)
            self._known[target.key].append(found)
        return found

    def _ask(self, target: Target, chosen: Names) -> Priced:
        if self.is_over:
            raise OutOfTime
        statement = target.statement
        plan = self._engine.plan(
            statement.planned_text,
            show=sorted(chosen),
            search_path=statement.statistics.search_path,
        )
        if isinstance(plan, Unplanned):  # it had a plan before: take that as the truth
            return Priced(chosen, frozenset(), target.cost_before, target.plan_before)
        used = frozenset(self._owners[i] for i in plan.indexes_used() if i in self._owners)
        return Priced(chosen, used & chosen, plan.total_cost, plan)

    def size(self, name: str) -> int:
        return self._hypothetical[name].size_bytes

    def head(self, name: str) -> str:
        return self._heads[name]

    def names(self) -> Names:
        """All candidates."""
        return frozenset(self._hypothetical)

    def hypothetical(self, name: str) -> Hypothetical:
        return self._hypothetical[name]


class OutOfTime(Exception):
    """The time limit has passed, or Ctrl-C came; what is known so far stands."""
