"""Targets: the statements that an index might help, with what they weigh."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.advisor.options import Objective
from dbtune.plan import Plan
from dbtune.workload import WorkloadStatement

MS_PER_COST = 0.01
"""Milliseconds of one unit of planner cost where nothing was measured: a page of 8 KiB read in
order (seq_page_cost = 1) at 800 MB/s."""

ONE_VISIT = 5.0
"""Planner cost of fetching one page more at random, and its row: no more than this saved a call is
worth no index."""


@dataclass(frozen=True)
class Target:
    """One statement to serve. `value` is what it costs now, in milliseconds or planner cost.

    `cost_before` and `plan_before` are the planner's, with the indexes that exist.
    """

    statement: WorkloadStatement
    value: float
    cost_before: float
    plan_before: Plan

    @property
    def key(self) -> str:
        return self.statement.fingerprint


def value_of(statement: WorkloadStatement, cost: float, objective: Objective) -> float:
    """What a statement costs over the period: its time, or calls times planner cost."""
    calls = max(statement.calls, 1)
    if objective == "cost":
        return calls * cost
    return statement.statistics.total_exec_ms or calls * cost * MS_PER_COST
