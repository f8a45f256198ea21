"""Build the recommended set, measure the workload, leave out what makes a statement slower."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from dbtune.advice import CreateIndex, Declined, Measured, Recommendation, Verification
from dbtune.bench.logged import LoggedValues
from dbtune.bench.measure import STOPS, Effort, stop_word
from dbtune.bench.sent import SentStatement, plan_tasks
from dbtune.bench.stats import Verdict
from dbtune.bench.task import Task
from dbtune.index import IndexSpec
from dbtune.progress import Progress
from dbtune.verify.blame import overpaid, responsible
from dbtune.verify.clone import Built, Clone, buildable, creations, relations_of, switch_of
from dbtune.verify.compare import LEAST_ROUNDS, Plans, measured_of, plans_of
from dbtune.verify.states import RolledBackDrops
from dbtune.workload import Workload

MAX_STATEMENTS = 1000

Readvise = Callable[[tuple[IndexSpec, ...]], Sequence[Recommendation]]
"""The recommendations without these indexes, and without the likes of those excluded twice."""


@dataclass(frozen=True)
class Question:
    """What is to be proven, and with how much effort.

    `values` are those of logs, by fingerprint. The effort's statement timeout is the cap at which
    a run is stopped; its time limit is for the statements that first sight does not settle.
    """

    workload: Workload
    effort: Effort = field(default_factory=lambda: Effort(min_rounds=LEAST_ROUNDS))
    values: Mapping[str, Sequence[LoggedValues]] = field(default_factory=dict)


def verify(
    clone: Clone,
    question: Question,
    readvise: Readvise,
    progress: Progress,
) -> Verification:
    """Prove a set of recommendations, or find one that can be proven.

    Ends early, with what it has, on Ctrl-C and when the clone is lost.

    Raises:
        BadInput: the clone cannot be used, or refuses an index.
        ServerFailed: the clone could not be restored; the message holds the command that does it.
    """
    run = _Run(clone, question, readvise, progress)
    try:
        with clone.session() as connection:
            run.prove(connection)
    except STOPS as stop:
        if not run.is_begun:
            raise
        run.stopped = stop_word(stop)
    return run.outcome()


@dataclass(frozen=True)
class _Set:
    """A set as built."""

    built: tuple[Built, ...]
    switch: RolledBackDrops
    recommendations: Sequence[Recommendation]


@dataclass
class _Run:
    """A proof under way: what is known so far is what is told if it ends early."""

    clone: Clone
    question: Question
    readvise: Readvise
    progress: Progress
    excluded: list[IndexSpec] = field(default_factory=list)
    rejected: list[Declined] = field(default_factory=list)
    not_measured: dict[str, Declined] = field(default_factory=dict)
    known: dict[object, Measured | Declined] = field(default_factory=dict)
    current: dict[str, Measured] = field(default_factory=dict)
    at_first: tuple[Measured, ...] = ()
    used: dict[IndexSpec, tuple[str, ...]] = field(default_factory=dict)
    sizes: dict[IndexSpec, int] = field(default_factory=dict)
    not_built: list[Declined] = field(default_factory=list)
    unchanged: int = 0
    sets: int = 0
    stopped: str = ""

    @property
    def is_begun(self) -> bool:
        return self.sets > 0

    def prove(self, connection: Connection[Any]) -> None:
        tasks = self._tasks(connection)
        while True:
            recommendations = self.readvise(tuple(self.excluded))
            self.sets += 1
            specs, lacking = buildable(connection, recommendations)
            self.not_built = lacking
            built = self.clone.build(connection, specs, self.progress)
            self.sizes = {b.spec: b.size_bytes for b in built}
            self.current, self.used = {}, {}
            if not built:
                self.unchanged = len(tasks)
                return
            these = _Set(
                tuple(built), switch_of(connection, built, recommendations), recommendations
            )
            plans = self._compare(connection, tasks, these)
            self.at_first = self.at_first or _ranked(self.current)
            guilty = self._guilty(connection, tasks, these, plans)
            if not guilty:
                return
            self.excluded += guilty

    def _tasks(self, connection: Connection[Any]) -> dict[str, Task]:
        ranked = sorted(self.question.workload.statements, key=lambda s: (-s.weight, s.fingerprint))
        sent = [SentStatement(s.fingerprint, s.text, s.calls) for s in ranked[:MAX_STATEMENTS]]
        self.progress.stage("drawing parameters", len(sent))
        seed = self.question.effort.seed
        tasks, refused = plan_tasks(connection, sent, seed, self.question.values)
        for left in refused:
            self._leave_out(Declined(left.text[:200], left.reason, left.fingerprint))
        for rest in ranked[MAX_STATEMENTS:]:
            reason = f"only the {MAX_STATEMENTS} statements of most time are measured"
            self._leave_out(Declined(rest.text[:200], reason, rest.fingerprint))
        return {task.fingerprint: task for task in tasks}

    def _leave_out(self, what: Declined) -> None:
        self.not_measured[what.statement] = what

    def _compare(
        self,
        connection: Connection[Any],
        tasks: Mapping[str, Task],
        these: _Set,
    ) -> dict[str, Plans]:
        """Measure what this set changes and no earlier one did in the same way."""
        self.progress.stage("planning on the clone")
        plans, refused = plans_of(connection, list(tasks.values()), these.switch)
        for left in refused:
            self._leave_out(left)
        written = relations_of(these.built)
        touched = {
            key: (key, *p.signatures, these.switch if p.target in written else None)
            for key, p in plans.items()
            if p.changed or p.target in written
        }
        self.unchanged = len(plans) - len(touched)
        self.used = {b.spec: _users(plans, b) for b in these.built}
        predicted = _predicted(these.recommendations)
        missing = [tasks[key] for key, sides in touched.items() if sides not in self.known]
        self.current = {}
        for key, sides in touched.items():
            self._take(key, self.known.get(sides))
        figures = measured_of(
            connection, missing, these.switch, self.question.effort,
            predicted=predicted, endless=self.clone.endless, progress=self.progress,
        )  # fmt: skip
        for found in figures:
            self.known[touched[found.statement]] = found
            self._take(found.statement, found)
        return plans

    def _take(self, key: str, found: Measured | Declined | None) -> None:
        if isinstance(found, Declined):
            self._leave_out(found)
        elif found is not None:
            self.current[key] = found

    def _guilty(
        self,
        connection: Connection[Any],
        tasks: Mapping[str, Task],
        these: _Set,
        plans: Mapping[str, Plans],
    ) -> list[IndexSpec]:
        """The indexes to leave out next, with the reason told."""
        guilty: dict[IndexSpec, Declined] = {}
        for key, measured in self.current.items():
            if measured.verdict != Verdict.SLOWER or not plans[key].changed:
                continue
            suspects = [b for b in these.built if b.shown_as & plans[key].used_after]
            cap = self.question.effort.statement_timeout_s
            suspects = suspects or _beside(these.built, plans[key])
            found = responsible(connection, tasks[key], these.switch, suspects, cap)
            guilty.setdefault(found.spec, _slower(found.spec, measured, tasks[key]))
        if not guilty:
            made = creations(these.recommendations)
            saved = {spec: r.saved_ms - r.write_ms for spec, r in made.items()}
            for spec, reason in overpaid(these.built, plans, self.current, saved):
                guilty[spec] = Declined(str(spec), reason)
        self.rejected += guilty.values()
        return list(guilty)

    def outcome(self) -> Verification:
        return Verification(
            place=self.clone.label,
            measured=_ranked(self.current),
            at_first=self.at_first,
            unchanged=self.unchanged,
            rejected=tuple(self.rejected),
            not_measured=(
                *self.not_built,
                *(self.not_measured[k] for k in sorted(self.not_measured)),
            ),
            sizes=tuple(self.sizes.items()),
            used=tuple(self.used.items()),
            excluded=tuple(self.excluded),
            sets=self.sets,
            stopped=self.stopped,
        )


def _ranked(measured: Mapping[str, Measured]) -> tuple[Measured, ...]:
    """The most time before the change first."""
    return tuple(sorted(measured.values(), key=lambda m: (-m.calls * m.before_ms, m.statement)))


def _users(plans: Mapping[str, Plans], index: Built) -> tuple[str, ...]:
    return tuple(sorted(key for key, p in plans.items() if p.used_after & index.shown_as))


def _beside(built: Sequence[Built], plans: Plans) -> list[Built]:
    """Where no plan shows a new index: those on the statement's relations, else any."""
    read = {n.relation for plan in plans.after for n in plan.root.walk() if n.relation}
    return [b for b in built if b.spec.relation in read] or list(built)


def _predicted(recommendations: Sequence[Recommendation]) -> dict[str, float]:
    return {
        price.statement: price.ratio
        for r in recommendations
        if isinstance(r.change, CreateIndex)
        for price in r.prices
    }


def _slower(spec: IndexSpec, measured: Measured, task: Task) -> Declined:
    reason = (
        f"built, it made a statement {measured.ratio:.1f} times slower"
        f" ({measured.before_ms:.3g} ms before, {measured.after_ms:.3g} ms after):"
        f" {task.label[:120]}"
    )
    return Declined(str(spec), reason, measured.statement)
