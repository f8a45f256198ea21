"""Base and head planned: production's statements on each, the new ones on the head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from dbtune.advice import Recommendation
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.gate.baseline import Entry
from dbtune.gate.head import Head
from dbtune.gate.migrations import Script
from dbtune.gate.policy import Policy
from dbtune.gate.shown import Shown
from dbtune.identifier import QualifiedName
from dbtune.index import spec_of
from dbtune.plan import Plan
from dbtune.pricing import Hypothetical, PricingEngine, Rejected
from dbtune.progress import Progress, Silent
from dbtune.rules.model import Rule
from dbtune.server.cluster import Cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.statement.fingerprint import fingerprint
from dbtune.traffic import Traffic
from dbtune.twin.rehearsal import Rehearsal, Step
from dbtune.twin.twin import open_twin
from dbtune.workload import NotExamined, Workload, WorkloadStatement

_OFTEN = 1_000_000


@dataclass(frozen=True)
class CheckInput:
    """What a check looks at.

    `base` is production; `scripts` are the pull request's migrations; `arrivals` the statements
    that its tests ran, `traffic` the order in which their log has the `logged` ones;
    `test_schema` the test database, whose schema should be the head's.
    `judges_base` says that the base is no production, so that what is found there is new too.
    `snapshot_name` is what commands to reproduce a finding call the snapshot.
    """

    base: Snapshot
    rules: tuple[Rule, ...]
    today: date
    scripts: tuple[Script, ...] = ()
    arrivals: tuple[StatementStatistics, ...] = ()
    logged: tuple[StatementStatistics, ...] = ()
    traffic: Traffic | None = None
    test_schema: Snapshot | None = None
    judges_base: bool = False
    baseline: tuple[Entry, ...] = ()
    policy: Policy = field(default_factory=Policy)
    strict: bool = False
    snapshot_name: str = "SNAPSHOT"


@dataclass(frozen=True)
class Base:
    """Production planned, and what could not be modelled there; serves any number of checks."""

    workload: Workload
    notes: tuple[NotExamined, ...] = ()


@dataclass(frozen=True)
class HeadSide:
    """The head: production's statements on it, the new ones, and what would cure them."""

    workload: Workload
    arrived: Workload
    logged: Workload
    unused: frozenset[QualifiedName] = frozenset()
    notes: tuple[NotExamined, ...] = ()
    writes: Mapping[str, float] = field(default_factory=dict)
    recommendations: tuple[Recommendation, ...] = ()


def plan_base(
    snapshot: Snapshot, progress: Progress | None = None, *, shared: Cluster | None = None
) -> Base:
    """Production's statements with their plans; `shared` is a twins' server to use.

    Raises:
        ServerFailed: the embedded server cannot be started.
    """
    told = progress or Silent()
    with open_twin(snapshot, progress=told, shared=shared, database="base") as twin:
        workload = assemble_workload(snapshot, twin, Scope(), told)
        notes = tuple(NotExamined(n.what, f"twin: {n.why}") for n in twin.not_modelled)
    return Base(workload, notes)


def plan_head(
    asked: CheckInput,
    head: Head,
    rehearsal: Rehearsal,
    base: Workload,
    *,
    progress: Progress,
    cluster: Cluster,
) -> HeadSide:
    """The head's plans, with the new indexes as if they were built.

    Raises:
        ServerFailed: the embedded server is gone.
    """
    nothing = replace(base, statements=(), not_examined=())
    if not rehearsal.steps and not asked.arrivals and asked.traffic is None:
        return HeadSide(base, nothing, nothing)
    with open_twin(head.without_added, progress=progress, shared=cluster, database="head") as twin:
        answers = twin.suppose([spec_of(i) for i in head.added])
        engine = Shown(twin, [a.name for a in answers if isinstance(a, Hypothetical)])

        def planned(statements: tuple[StatementStatistics, ...]) -> Workload:
            snapshot = replace(head.snapshot, statements=statements, readings=())
            return assemble_workload(snapshot, engine, Scope(), progress)

        workload = planned(head.snapshot.statements) if rehearsal.steps else base
        stood = {s.fingerprint for s in base.statements}
        arrived = planned(tuple(s for s in asked.arrivals if fingerprint(s.text) not in stood))
        advice = advise(
            _wanting(base, workload, arrived), engine, AdvisorOptions(objective="cost"), progress
        )
        return HeadSide(
            workload,
            replace(arrived, advice=advice),
            replace(planned(asked.logged), traffic=asked.traffic) if asked.traffic else nothing,
            unused=_unused(head, answers, (workload, arrived)),
            notes=tuple(
                NotExamined(f"index {index.name}", f"twin: {answer.reason}")
                for index, answer in zip(head.added, answers, strict=True)
                if isinstance(answer, Rejected)
            ),
            writes=_writes(rehearsal.steps, twin),
            recommendations=advice.recommendations,
        )


def _unused(
    head: Head, answers: Iterable[Hypothetical | Rejected], workloads: Iterable[Workload]
) -> frozenset[QualifiedName]:
    """Added indexes that no plan uses; the twin knows them by names of its own."""
    plans = (s.plan for w in workloads for s in w.statements if isinstance(s.plan, Plan))
    used = {name for plan in plans for name in plan.indexes_used()}
    return frozenset(
        index.name
        for index, answer in zip(head.added, answers, strict=True)
        if isinstance(answer, Hypothetical) and answer.name not in used
    )


def _wanting(base: Workload, after: Workload, arrived: Workload) -> Workload:
    """The statements for which an index may be the cure: the new ones, and those got dearer."""
    costs = {s.fingerprint: s.plan.total_cost for s in base.statements if isinstance(s.plan, Plan)}
    dearer = (
        s
        for s in after.statements
        if isinstance(s.plan, Plan)
        and s.plan.total_cost > costs.get(s.fingerprint, s.plan.total_cost) * 1.1
    )
    statements = (*dearer, *arrived.statements)
    return replace(arrived, statements=tuple(map(_as_if_often, statements)))


def _as_if_often(statement: WorkloadStatement) -> WorkloadStatement:
    """How often tests ran a statement says nothing of its worth beside the writes that an index
    costs; a cure is looked for as if it ran often.
    """
    calls = max(statement.calls, _OFTEN)
    return replace(statement, statistics=replace(statement.statistics, calls=calls))


def _writes(steps: Iterable[Step], engine: PricingEngine) -> dict[str, float]:
    """Rows that each UPDATE or DELETE of the migrations would write, by its text."""
    rows: dict[str, float] = {}
    for step in steps:
        if any(t.lock == "RowExclusiveLock" for t in step.touched):
            plan = engine.plan(step.statement.text)
            if isinstance(plan, Plan):
                written = [
                    child.plan_rows
                    for node in plan.root.walk()
                    if node.node_type == "ModifyTable"
                    for child in node.children
                ]
                rows[step.statement.text] = max(written, default=0.0)
    return rows
