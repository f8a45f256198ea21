"""`dbtune analyze`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dbtune.cli import _arguments as a
from dbtune.errors import INTERRUPTED

DEFAULT_OUT = Path("reports/out")


class EngineWord(StrEnum):
    """What prices ideas."""

    TWIN = "twin"
    HYPOPG = "hypopg"
    NONE = "none"


class ObjectiveWord(StrEnum):
    """What the chosen indexes are to lower."""

    TIME = "time"
    COST = "cost"


def run(
    target: a.Target = None,
    out: a.Out = DEFAULT_OUT,
    output_format: a.Formats = None,
    as_json: a.AsJson = False,
    top: a.Top = 20,
    min_calls: a.MinCalls = 1,
    schema: a.Schemas = None,
    exclude: a.Excluded = None,
    rules: a.RulesDir = None,
    select: a.Selected = None,
    ignore: a.Ignored = None,
    workload: a.WorkloadFile = None,
    logs: a.Logs = None,
    log_line_prefix: a.LogLinePrefix = None,
    show_params: a.ShowParams = False,
    verify: a.Verify = None,
    budget: a.Budget = None,
    max_indexes: a.MaxIndexes = None,
    max_per_table: a.MaxPerTable = None,
    min_gain: a.MinGain = 5.0,
    objective: Annotated[
        ObjectiveWord, typer.Option(help="Lower execution time, or planner cost × calls.")
    ] = ObjectiveWord.TIME,
    kinds: a.Kinds = None,
    include: a.Include = True,
    time_limit: a.TimeLimit = None,
    engine: Annotated[
        EngineWord, typer.Option(help="What prices ideas; hypopg: by EXPLAIN on TARGET itself.")
    ] = EngineWord.TWIN,
    verify_on: a.VerifyOn = None,
    known_as: a.KnownAs = None,
    bindir: a.Bindir = None,
    fail_on: a.FailOn = None,
    strict: a.Strict = False,
    dialect: a.Dialect = "sql",
    timings: a.Timings = False,
) -> None:
    """Find what makes a database slow, prove the fix, write it down.

    Reads the server in a read-only session, or a snapshot file; prints findings and writes
    report.html, report.json, migration.up.sql and migration.down.sql into --out. Nothing is ever
    built on TARGET: with --verify-on the indexes are built on a clone, and dropped there again.
    """
    from dbtune.advisor.options import KINDS, AdvisorOptions, require_kinds
    from dbtune.cli._options import failing_from, require_formats, show, size_bytes
    from dbtune.cli._progress import shown_progress, timings_table
    from dbtune.cli._target import is_file, snapshot_and_traffic
    from dbtune.collect import CollectOptions
    from dbtune.errors import BadInput
    from dbtune.files import require_folder
    from dbtune.migration.dialects import require_dialect
    from dbtune.options import AnalyzeOptions, VerifyOptions
    from dbtune.pipeline import analyze, write_analysis

    formats = ("json",) if as_json else tuple(output_format or ("text",))
    require_formats(formats)
    require_dialect(dialect)
    require_folder(out)
    if engine is EngineWord.HYPOPG and (is_file(target) or (target is None and logs)):
        raise BadInput(
            "--engine hypopg prices on a live server, and a file is none.",
            "Name the server as TARGET, or leave out --engine to price on a twin.",
        )
    severity, confidence = failing_from(fail_on)
    collecting = CollectOptions(tuple(schema or ()), tuple(exclude or ()), min_calls)
    advising = AdvisorOptions(
        budget_bytes=size_bytes(budget, "--budget") if budget else None,
        max_indexes=max_indexes,
        max_per_table=max_per_table,
        min_gain_pct=min_gain,
        objective=objective.value,
        kinds=require_kinds(kinds or KINDS),
        include=include,
        time_limit_s=time_limit,
    )
    options = AnalyzeOptions(
        scope=collecting,
        rules_dir=rules,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        advisor=advising,
        engine=engine.value,
        target=target,
        bindir=bindir,
        fail_on=severity,
        fail_on_confidence=confidence,
        strict=strict,
        compare_on=verify,
        verify=VerifyOptions(verify_on, out / "journal.json", known_as) if verify_on else None,
    )
    with shown_progress() as stages:
        snapshot, traffic = snapshot_and_traffic(
            target, collecting, stages, workload_file=workload, logs=tuple(logs or ()),
            line_prefix=log_line_prefix, show_values=show_params,
        )  # fmt: skip
        analysis = analyze(snapshot, options, stages, traffic=traffic)
        stages.stage("write")
        files = write_analysis(analysis, out, dialect)
    show(analysis.report, formats, top, files)
    if timings:
        typer.echo(timings_table(stages.seconds), err=True)
    if analysis.was_interrupted:
        raise typer.Exit(INTERRUPTED)
    if analysis.report.verdict.failed:
        raise typer.Exit(analysis.report.verdict.exit_code)
