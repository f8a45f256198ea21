"""The workload: each statement's statistics, parsed form and plan, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from dbtune.advice import Advice
from dbtune.identifier import QualifiedName
from dbtune.plan import Plan, Unplanned
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.statement.model import RelationUse, Statement, Unparsed
from dbtune.traffic import LoggedPlan, LoopRuns, Traffic

if TYPE_CHECKING:
    from dbtune.access.loop import Limits
    from dbtune.access.pattern import Pattern


@dataclass(frozen=True)
class WorkloadStatement:
    """One statement of the workload, all that is known of it.

    `fingerprint` identifies the text independent of literals, spacing and queryid. `weight` is
    its importance: total_exec_ms where known, else calls × planner cost. `share` is that as a
    fraction of the workload's. `planned_text` is what `plan` was made of: the text, with the limit
    that was measured in place of `LIMIT $n`.
    """

    fingerprint: str
    statistics: StatementStatistics
    parsed: Statement | Unparsed
    plan: Plan | Unplanned
    weight: float
    share: float
    planned_text: str

    @property
    def text(self) -> str:
        return self.statistics.text

    @property
    def calls(self) -> int:
        return self.statistics.calls

    @property
    def rows_per_call(self) -> float:
        return self.statistics.rows / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class NotExamined:
    """What was left out of the analysis, why, and the share of execution time it holds."""

    what: str
    reason: str
    share: float = 0.0
    remedy: str = ""


class Trial(Protocol):
    """Tries a statement that is to be recommended."""

    def plans(self, text: str, search_path: Sequence[str]) -> bool | None:
        """Whether the statement can be planned; None where nothing can tell."""

    def same_rows(self, loop: LoopRuns) -> bool | None:
        """Whether a batch returns the rows of its loop; None where nothing can tell."""


@dataclass(frozen=True)
class Workload:
    """What a detector is handed: one snapshot, its statements, and the advisor's findings.

    `traffic` is what logs tell of the order of statements, None without logs; `trial` tries
    statements that are to be recommended, None where nothing can.
    """

    snapshot: Snapshot
    statements: tuple[WorkloadStatement, ...]
    advice: Advice = field(default_factory=Advice)
    not_examined: tuple[NotExamined, ...] = ()
    traffic: Traffic | None = None
    trial: Trial | None = None

    @cached_property
    def by_fingerprint(self) -> dict[str, WorkloadStatement]:
        return {s.fingerprint: s for s in self.statements}

    @cached_property
    def logged_plans(self) -> dict[str, LoggedPlan]:
        """By fingerprint, the plans that auto_explain wrote into the logs."""
        shapes = self.traffic.shapes if self.traffic else ()
        return {shape.fingerprint: shape.plan for shape in shapes if shape.plan}

    @cached_property
    def patterns(self) -> dict[tuple[Limits, bool], tuple[Pattern, ...]]:
        """What the traffic repeats, by limits and whether only writes were looked for.

        Rules that agree on both share one search.
        """
        return {}

    def parsed(self) -> Iterator[tuple[WorkloadStatement, Statement]]:
        """The statements that could be parsed."""
        for statement in self.statements:
            if isinstance(statement.parsed, Statement):
                yield statement, statement.parsed

    @cached_property
    def _uses(self) -> dict[QualifiedName, list[tuple[WorkloadStatement, RelationUse]]]:
        uses: dict[QualifiedName, list[tuple[WorkloadStatement, RelationUse]]] = {}
        for statement, parsed in self.parsed():
            for use in parsed.relations:
                uses.setdefault(use.relation, []).append((statement, use))
        return uses

    def uses_of(self, relation: QualifiedName) -> Iterator[tuple[WorkloadStatement, RelationUse]]:
        """Each use of a relation with its statement, in the order of the workload."""
        yield from self._uses.get(relation, ())
