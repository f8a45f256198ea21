"""Report: everything that any output format shows, in the order in which it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import dbtune
from dbtune.advice import Advice, Declined, Recommendation, Verification
from dbtune.finding import Finding
from dbtune.gate.verdict import Verdict
from dbtune.plan import Plan, Unplanned
from dbtune.snapshot.model import Snapshot
from dbtune.traffic import LoggedPlan
from dbtune.workload import NotExamined, Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class StageTiming:
    """How long a stage took; only shown when asked, since it differs from run to run."""

    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Meta:
    """Whom the report is about and what made it. `server_version` reads like "18.6".

    `engine` names what priced the recommendations ("" when nothing did). `kind` is "analyze" or
    "check". `system_identifier` is the cluster's own number, where it may be read.
    """

    dbtune_version: str
    server_version: str
    database: str
    captured_at: str
    engine: str = ""
    kind: str = "analyze"
    timings: tuple[StageTiming, ...] = ()
    system_identifier: str | None = None

    @property
    def engine_told(self) -> str:
        """The engine as a sentence names it."""
        return "HypoPG" if self.engine == "hypopg" else f"the {self.engine}"


@dataclass(frozen=True)
class ReportedStatement:
    """A statement of the workload as reports show it.

    `mean_ms` and `total_exec_ms` are 0 where only calls are known; `share` (0 to 1) is of the
    workload's execution time, or of its planner cost where there are no times. `cost` is the
    planner's total cost, None when the statement has no plan. `logged` is a plan of the target
    itself: what its auto_explain wrote of the slowest execution in the logs.
    """

    fingerprint: str
    text: str
    calls: int
    mean_ms: float
    total_exec_ms: float
    rows: int
    share: float
    plan: Plan | Unplanned
    logged: LoggedPlan | None = None

    @property
    def cost(self) -> float | None:
        return self.plan.total_cost if isinstance(self.plan, Plan) else None


@dataclass(frozen=True)
class Report:
    """What was found, what to do about it, what was not looked at, and the verdict.

    Findings and recommendations stand in the order in which they were judged; statements by
    share, the largest first. `advice` is the advisor's account of its search.
    """

    meta: Meta
    findings: tuple[Finding, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    declined: tuple[Declined, ...] = ()
    statements: tuple[ReportedStatement, ...] = ()
    not_examined: tuple[NotExamined, ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    verification: Verification | None = None
    advice: Advice | None = None

    @cached_property
    def by_fingerprint(self) -> dict[str, ReportedStatement]:
        return {s.fingerprint: s for s in self.statements}

    def named(self, fingerprints: Iterable[str]) -> tuple[ReportedStatement, ...]:
        """The statements of these fingerprints; those that are not in the workload are left out."""
        known = (self.by_fingerprint.get(f) for f in fingerprints)
        return tuple(s for s in known if s is not None)

    @property
    def not_examined_share(self) -> float:
        """The part of the workload's execution time (0 to 1) that was not examined."""
        return min(1.0, sum(n.share for n in self.not_examined))


def report_of(
    workload: Workload,
    findings: Sequence[Finding],
    recommendations: Sequence[Recommendation],
    *,
    verdict: Verdict,
    timings: Sequence[StageTiming] = (),
    verification: Verification | None = None,
) -> Report:
    """The report of an analysis.

    Args:
        workload: what was analysed, with the advisor's advice.
        findings: what the rules found, most important first.
        recommendations: what to do, most valuable first (the advice's and the rules' cures).
        verdict: what the gate says of the findings.
        timings: seconds per stage, where the user asked for them.
        verification: what was measured of the recommendations, where they were built.
    """
    snapshot = workload.snapshot
    meta = Meta(
        dbtune_version=dbtune.__version__,
        server_version=version_text(snapshot),
        database=snapshot.server.database,
        captured_at=snapshot.captured_at,
        engine=workload.advice.engine,
        timings=tuple(timings),
        system_identifier=snapshot.server.system_identifier,
    )
    statements = sorted(
        (reported(s, workload.logged_plans.get(s.fingerprint)) for s in workload.statements),
        key=lambda s: (-s.share, s.fingerprint),
    )
    return Report(
        meta=meta,
        findings=tuple(findings),
        recommendations=tuple(recommendations),
        declined=workload.advice.declined,
        statements=tuple(statements),
        not_examined=workload.not_examined,
        verdict=verdict,
        verification=verification,
        advice=workload.advice if workload.advice.engine else None,
    )


def version_text(snapshot: Snapshot) -> str:
    """The server's version as people write it: "18.6"; logs alone do not tell it."""
    number = snapshot.server.version_num
    return f"{number // 10000}.{number % 10000}" if number else "unknown"


def reported(statement: WorkloadStatement, logged: LoggedPlan | None = None) -> ReportedStatement:
    """A statement of the workload as reports show it."""
    statistics = statement.statistics
    return ReportedStatement(
        fingerprint=statement.fingerprint,
        text=statistics.text,
        calls=statistics.calls,
        mean_ms=statistics.mean_exec_ms,
        total_exec_ms=statistics.total_exec_ms,
        rows=statistics.rows,
        share=statement.share,
        plan=statement.plan,
        logged=logged,
    )
