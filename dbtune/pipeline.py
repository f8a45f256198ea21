"""The stages in order: the table of contents of the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dbtune.access.trial import CureTrial
from dbtune.advising import Advising, proof_of
from dbtune.advisor.declined import not_asked_for
from dbtune.assemble import assemble_workload
from dbtune.gate.verdict import verdict_by_severity
from dbtune.migration import Migration, write_migration
from dbtune.migration.dialects import render as render_migration
from dbtune.options import AnalyzeOptions
from dbtune.pricing import PricingEngine
from dbtune.progress import Progress, Silent
from dbtune.report.model import Report, report_of
from dbtune.report.render import render
from dbtune.report.write import write_files
from dbtune.rules.load import load_rules
from dbtune.snapshot.model import Snapshot
from dbtune.traffic import Traffic
from dbtune.twin.model import NotModelled
from dbtune.unmodelled import told, with_remedies
from dbtune.workload import NotExamined, Workload

if TYPE_CHECKING:
    from dbtune.collect.same_rows import SameRows


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
        BadInput: a rule file, a rule's name or the scope is wrong.
        ServerFailed: the embedded server of the twin could not be started.
        CannotConnect: the server that HypoPG is to price on cannot be reached, or broke off.
    """
    options, progress = options or AnalyzeOptions(), progress or Silent()
    options.scope.require_any(r.name for r in snapshot.relations)
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
        advising = Advising(workload, rules, options, engine, progress)
        verification = proof_of(advising, options.verify) if options.verify else None
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


def _strict_reasons(skipped: Sequence[NotExamined]) -> tuple[str, ...]:
    return tuple(f"--strict: not examined: {n.what}: {n.reason}" for n in skipped)
