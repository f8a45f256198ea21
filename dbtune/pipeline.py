"""The stages in order: the table of contents of the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from dbtune.advice import CreateIndex, Recommendation
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.finding import Confidence, Severity
from dbtune.gate.verdict import verdict_by_severity
from dbtune.migration import Migration, write_migration
from dbtune.migration.dialects import render as render_migration
from dbtune.pricing import Hypothetical, PricingEngine
from dbtune.progress import Progress, Silent
from dbtune.report.model import Report, report_of
from dbtune.report.render import render
from dbtune.report.write import write_files
from dbtune.rules.judge import judge
from dbtune.rules.load import load_rules
from dbtune.snapshot.model import Snapshot
from dbtune.snapshot.scope import Scope
from dbtune.traffic import Traffic
from dbtune.twin.model import NotModelled
from dbtune.unmodelled import told, with_remedies
from dbtune.workload import NotExamined, Workload

EngineName = Literal["twin", "hypopg", "none"]


@dataclass(frozen=True)
class AnalyzeOptions:
    """What to examine, by which rules, priced how, and when to fail.

    `fail_on` is the least severity that fails, `fail_on_confidence` the least confidence such a
    finding needs. `strict` fails when a statement, or what the role may not see, was not examined.
    `target` is the server that the snapshot is of, wanted by the engine "hypopg" alone.
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


@dataclass(frozen=True)
class Analysis:
    """What an analysis gives: the report, and the migration that carries out its advice."""

    report: Report
    migration: Migration
    workload: Workload


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
    with priced_by(options, snapshot, progress) as (engine, lacking):
        workload = assemble_workload(snapshot, engine, options.scope, progress)
        advice = advise(workload, engine, options.advisor, progress)
        skipped = (*workload.not_examined, *_damaged(traffic))
        workload = replace(
            workload,
            advice=advice,
            not_examined=(*with_remedies(skipped, lacking), *told(lacking, workload)),
            traffic=traffic,
        )
        progress.stage("judge")
        judged = judge(
            workload,
            rules,
            select=options.select,
            ignore=options.ignore,
            min_confidence=options.min_confidence,
            scope=options.scope,
        )
        recommendations = _with_sizes(judged.recommendations, engine)
    verdict = verdict_by_severity(
        judged.findings,
        options.fail_on,
        min_confidence=options.fail_on_confidence,
        reasons=_strict_reasons(skipped) if options.strict else (),
    )
    report = report_of(workload, judged.findings, recommendations, verdict=verdict)
    return Analysis(report, write_migration(recommendations, snapshot), workload)


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


def _damaged(traffic: Traffic | None) -> tuple[NotExamined, ...]:
    if traffic is None or not traffic.damaged_lines:
        return ()
    lines = f"{traffic.damaged_lines} of {traffic.lines} log lines"
    return (NotExamined(lines, "damaged, or not of the log's format"),)


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
