"""The stages in order: the table of contents of the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dbtune.access.trial import CureTrial
from dbtune.advice import Advice, CreateIndex, Recommendation, Verification
from dbtune.advisor import AdvisorOptions, advise
from dbtune.advisor.declined import not_asked_for
from dbtune.assemble import assemble_workload
from dbtune.finding import Confidence, Severity
from dbtune.gate.verdict import verdict_by_severity
from dbtune.index import IndexSpec
from dbtune.interrupt import on_interrupt
from dbtune.migration import Migration, write_migration
from dbtune.migration.dialects import render as render_migration
from dbtune.pricing import Hypothetical, PricingEngine
from dbtune.progress import Progress, Silent
from dbtune.report.model import Report, report_of
from dbtune.report.render import render
from dbtune.report.write import write_files
from dbtune.rules.judge import Judgement, judge
from dbtune.rules.load import load_rules
from dbtune.rules.model import Rule
from dbtune.snapshot.model import Snapshot
from dbtune.snapshot.scope import Scope
from dbtune.traffic import Traffic
from dbtune.twin.model import NotModelled
from dbtune.unmodelled import told, with_remedies
from dbtune.verify.proven import proven
from dbtune.workload import NotExamined, Workload

if TYPE_CHECKING:
    from dbtune.collect.same_rows import SameRows

EngineName = Literal["twin", "hypopg", "none"]

MAX_SETS = 6
"""Sets that the advisor is asked for while measuring speaks against them; then it is only left out
what made a statement slower."""


@dataclass(frozen=True)
class VerifyOptions:
    """Where to prove the advice: see dbtune.verify.place. A statement is stopped after `cap_s`."""

    on: str
    journal_file: Path
    known_as: str | None = None
    time_limit_s: float = 20.0
    cap_s: float = 60.0


@dataclass(frozen=True)
class AnalyzeOptions:
    """What to examine, by which rules, priced how, and when to fail.

    `fail_on` is the least severity that fails, `fail_on_confidence` the least confidence such a
    finding needs. `strict` fails when a statement, or what the role may not see, was not examined.
    `target` is the server that the snapshot is of, wanted by the engine "hypopg" alone.
    `compare_on` names a database where loops and their cures are run and compared, read-only.
    """

    scope: Scope = field(default_factory=Scope)
    rules_dir: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    advisor: AdvisorOptions = field(default_factory=AdvisorOptions)
    engine: EngineName = "twin"
    target: str | None = None
    bindir: Path | None = None
    min_confidence: Confidence = Confidence.LIKELY
    fail_on: Severity | None = None
    fail_on_confidence: Confidence = Confidence.LIKELY
    strict: bool = False
    verify: VerifyOptions | None = None
    compare_on: str | None = None


@dataclass(frozen=True)
class Analysis:
    """What an analysis gives: the report, and the migration that carries out its advice."""

    report: Report
    migration: Migration
    workload: Workload

    @property
    def was_interrupted(self) -> bool:
        """True if Ctrl-C ended the measuring early; the report says so."""
        return bool(self.report.verification and self.report.verification.stopped == "interrupted")


def analyze(
    snapshot: Snapshot,
    options: AnalyzeOptions | None = None,
    progress: Progress | None = None,
    *,
    traffic: Traffic | None = None,
) -> Analysis:
    """Examine a snapshot: parse, plan, advise, judge, and write it down.

    Args:
        snapshot: what to examine; nothing else is read.
        options: what to look at and how.
        progress: told of each stage.
        traffic: what logs tell of the order of statements, if there are logs.

    Raises:
        BadInput: a rule file or a rule's name is wrong.
        ServerFailed: the embedded server of the twin could not be started.
        CannotConnect: the server that HypoPG is to price on cannot be reached, or broke off.
    """
    options, progress = options or AnalyzeOptions(), progress or Silent()
    rules = load_rules(options.rules_dir)
    with (
        priced_by(options, snapshot, progress) as (engine, lacking),
        _compared_on(options.compare_on) as same_rows,
    ):
        workload = assemble_workload(snapshot, engine, options.scope, progress, traffic)
        skipped = (*workload.not_examined, *_unlogged(traffic))
        workload = replace(
            workload,
            not_examined=(*with_remedies(skipped, lacking), *told(lacking, workload)),
            trial=CureTrial(engine, same_rows),
        )
        advising = _Advising(workload, rules, options, engine, progress)
        verification = _verify(advising, options.verify) if options.verify else None
        workload, judged, recommendations = advising.outcome(verification)
    advice = workload.advice
    declined = (*advice.declined, *not_asked_for(workload, recommendations))
    workload = replace(workload, advice=replace(advice, declined=declined))
    verdict = verdict_by_severity(
        judged.findings,
        options.fail_on,
        min_confidence=options.fail_on_confidence,
        reasons=_strict_reasons(skipped) if options.strict else (),
    )
    report = report_of(
        workload, judged.findings, recommendations, verdict=verdict, verification=verification
    )
    return Analysis(report, write_migration(recommendations, snapshot), workload)


@dataclass
class _Advising:
    """Advice, and what the rules make of it; again for each set that measuring speaks against."""

    workload: Workload
    rules: Sequence[Rule]
    options: AnalyzeOptions
    engine: PricingEngine | None
    progress: Progress
    advice: Advice | None = None
    sets: int = 0

    def recommend(self, excluded: tuple[IndexSpec, ...]) -> tuple[Recommendation, ...]:
        """What to build, these indexes excluded."""
        self._advise(excluded)
        return self.outcome(Verification("", excluded=excluded))[2]

    def _advise(self, excluded: tuple[IndexSpec, ...]) -> None:
        asked = replace(self.options.advisor, excluded=excluded)
        if self.advice is None or self.sets < MAX_SETS:
            with on_interrupt() as is_stopped:
                self.advice = advise(self.workload, self.engine, asked, self.progress, is_stopped)
        self.sets += 1

    def outcome(
        self, verification: Verification | None
    ) -> tuple[Workload, Judgement, tuple[Recommendation, ...]]:
        """The workload with the advice, judged, and with what was measured."""
        if self.advice is None:
            self._advise(())
        assert self.advice is not None
        proof = verification or Verification("")
        advice = replace(
            self.advice,
            recommendations=proven(self.advice.recommendations, proof),
            declined=(*self.advice.declined, *proof.rejected),
        )
        workload = replace(self.workload, advice=advice)
        self.progress.stage("judge")
        judged = judge(
            workload,
            self.rules,
            select=self.options.select,
            ignore=self.options.ignore,
            min_confidence=self.options.min_confidence,
            scope=self.options.scope,
        )
        recommendations = proven(judged.recommendations, proof)
        return workload, judged, _with_sizes(recommendations, self.engine)


def _verify(advising: _Advising, options: VerifyOptions) -> Verification:
    """Have the advice proven."""
    # No room with a server in it is wanted where nothing is measured.
    from dbtune.bench.logged import logged_values  # noqa: PLC0415
    from dbtune.bench.measure import Effort  # noqa: PLC0415
    from dbtune.verify.compare import LEAST_ROUNDS  # noqa: PLC0415
    from dbtune.verify.place import opened_clone  # noqa: PLC0415
    from dbtune.verify.verify import Question, verify  # noqa: PLC0415

    workload, progress = advising.workload, advising.progress
    effort = Effort(options.time_limit_s, options.cap_s, LEAST_ROUNDS)
    values = logged_values(workload.traffic) if workload.traffic else {}
    with opened_clone(
        options.on, workload.snapshot, journal_file=options.journal_file,
        known_as=options.known_as, progress=progress,
    ) as clone:  # fmt: skip
        return verify(clone, Question(workload, effort, values), advising.recommend, progress)


def write_analysis(analysis: Analysis, folder: Path, dialect: str = "sql") -> tuple[Path, ...]:
    """Write report and migration into `folder`; returns the files.

    The migration is written as plain SQL, and in the words of a framework if `dialect` names one.

    Raises:
        BadInput: the folder cannot be written, or there is no such dialect.
    """
    contents = {
        "report.html": render(analysis.report, "html"),
        "report.json": render(analysis.report, "json"),
        **render_migration(analysis.migration, "sql"),
        **render_migration(analysis.migration, dialect),
    }
    return write_files(folder, contents)


@contextmanager
def priced_by(
    options: AnalyzeOptions, snapshot: Snapshot, progress: Progress
) -> Iterator[tuple[PricingEngine | None, tuple[NotModelled, ...]]]:
    """The pricing engine that the options name, and what it cannot model."""
    if options.engine == "none" or not snapshot.relations:
        yield None, ()
        return
    # No room with a server in it is wanted where nothing is priced.
    if options.engine == "hypopg":
        from dbtune.hypopg.engine import open_hypopg  # noqa: PLC0415

        with open_hypopg(options.target, snapshot) as hypopg:
            yield hypopg, ()
        return
    from dbtune.server.binaries import binaries_in  # noqa: PLC0415
    from dbtune.twin.twin import open_twin  # noqa: PLC0415

    binaries = binaries_in(options.bindir) if options.bindir else None
    with open_twin(snapshot, binaries=binaries, progress=progress) as twin:
        yield twin, twin.not_modelled


def _compared_on(target: str | None) -> AbstractContextManager[SameRows | None]:
    """Where loops and their cures are compared; nowhere without a database named."""
    if target is None:
        return nullcontext()
    from dbtune.collect.same_rows import comparing  # noqa: PLC0415 - wants a server

    return comparing(target)


def _unlogged(traffic: Traffic | None) -> tuple[NotExamined, ...]:
    """What the logs do not tell, and lines that could not be read."""
    if traffic is None:
        return ()
    told = tuple(NotExamined(n.what, n.why, 0.0, n.remedy) for n in traffic.not_collected)
    if not traffic.damaged_lines:
        return told
    lines = f"{traffic.damaged_lines} of {traffic.lines} log lines"
    return (*told, NotExamined(lines, "damaged, or not of the log's format"))


def _with_sizes(
    recommendations: Sequence[Recommendation], engine: PricingEngine | None
) -> tuple[Recommendation, ...]:
    """The recommendations, each new index with its estimated size, also where no price was due."""
    if engine is None:
        return tuple(recommendations)
    sized = []
    for recommendation in recommendations:
        change = recommendation.change
        if isinstance(change, CreateIndex) and recommendation.size_bytes is None:
            (supposed,) = engine.suppose([change.spec])
            if isinstance(supposed, Hypothetical):
                sized.append(replace(recommendation, size_bytes=supposed.size_bytes))
                continue
        sized.append(recommendation)
    return tuple(sized)


def _strict_reasons(skipped: Sequence[NotExamined]) -> tuple[str, ...]:
    return tuple(f"--strict: not examined: {n.what}: {n.reason}" for n in skipped)
