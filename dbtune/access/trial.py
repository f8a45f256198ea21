"""Cures tried before they are told: that they plan, and that they return the rows of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dbtune.access.cure import Batch
from dbtune.access.values import values_of
from dbtune.plan import Unplanned
from dbtune.pricing import PricingEngine
from dbtune.traffic import LoopRuns
from dbtune.workload import Workload

UNTRIED, PLANS, SAME_ROWS, OTHER_ROWS = "", "plans", "returns the same rows", "returns other rows"


@dataclass(frozen=True, slots=True)
class Tried:
    """A cure, None where it does not do, and what trying it told."""

    text: str | None
    check: str = UNTRIED


class ComparesRows(Protocol):
    """Runs loops and their batches where the user allows it."""

    def same_rows(self, loop: LoopRuns) -> bool | None:
        """Whether both return the same rows; None where nothing can tell."""


@dataclass(frozen=True)
class CureTrial:
    """Tries cures: plans by an engine, rows by what compares them, each if there is one."""

    engine: PricingEngine | None
    compared: ComparesRows | None

    def plans(self, text: str, search_path: Sequence[str]) -> bool | None:
        """Whether the engine plans the statement."""
        if self.engine is None:
            return None
        return not isinstance(self.engine.plan(text, search_path=search_path), Unplanned)

    def same_rows(self, loop: LoopRuns) -> bool | None:
        """Whether a batch returns the rows of its loop."""
        return self.compared.same_rows(loop) if self.compared else None


def tried(workload: Workload, fingerprint: str, text: str | None) -> Tried:
    """A cure that the planner accepts, in the search path of the statement that it replaces."""
    if text is None or workload.trial is None:
        return Tried(text)
    known = workload.by_fingerprint.get(fingerprint)
    plans = workload.trial.plans(text, known.statistics.search_path if known else ())
    return Tried(None) if plans is False else Tried(text, PLANS if plans else UNTRIED)


def tried_batch(
    workload: Workload, fingerprint: str, query: str, batch: Batch | None, given: Sequence[str]
) -> Tried:
    """A batch that plans, and compared with the loop that had the values `given`, as logged."""
    cure = tried(workload, fingerprint, batch.text if batch else None)
    runs = tuple(found for one in given if (found := values_of(one)))
    if cure.text is None or batch is None or workload.trial is None or not runs:
        return cure
    if any(max(batch.parameters) > len(run) for run in runs) or _is_cut(given):
        return cure
    loop = LoopRuns(query, runs, batch.text, batch.parameters, batch.arrays, batch.leads)
    same = workload.trial.same_rows(loop)
    if same is None:
        return cure
    return Tried(cure.text, SAME_ROWS) if same else Tried(None, OTHER_ROWS)


def _is_cut(given: Sequence[str]) -> bool:
    """True where the log has only the beginning of a value (log_parameter_max_length)."""
    return any("...'" in one or "'..." in one for one in given)
