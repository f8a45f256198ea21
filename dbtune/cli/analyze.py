"""`dbtune analyze`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_OUT = Path("reports/out")


class SeverityWord(StrEnum):
    """The severities by name, weakest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class EngineWord(StrEnum):
    """What prices ideas."""

    TWIN = "twin"
    NONE = "none"


def run(
    target: Annotated[
        str | None,
        typer.Argument(
            help="libpq URI, key=value string, service=NAME, or a snapshot file; "
            "nothing: PG* variables and ~/.pgpass, as psql.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for reports and migration.")
    ] = DEFAULT_OUT,
    output_format: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="What to print: text (default), json, md, html; or FORMAT=FILE."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    top: Annotated[int, typer.Option(min=0, help="Show at most N of each; 0: all.")] = 20,
    min_calls: Annotated[int, typer.Option(min=0, help="Leave out rarer statements.")] = 1,
    schema: Annotated[
        list[str] | None, typer.Option(help="Only relations of these (schema or schema.table).")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not these; patterns work.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Folder with rules of your own.")] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only these rules.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not these rules.")] = None,
    workload: Annotated[
        Path | None,
        typer.Option(help="SQL file of statements, instead of pg_stat_statements."),
    ] = None,
    logs: Annotated[
        list[Path] | None,
        typer.Option(
            help="Server log (csvlog, jsonlog, stderr, .gz), folder or -; again for more. "
            "Without TARGET the logs are read alone."
        ),
    ] = None,
    log_line_prefix: Annotated[
        str | None, typer.Option(help="That of stderr logs; default: the server's, or a usual one.")
    ] = None,
    show_params: Annotated[
        bool, typer.Option("--show-params", help="Print values from the logs: they name people.")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="Greatest size of all new indexes, such as 500MB.")
    ] = None,
    max_indexes: Annotated[int | None, typer.Option(min=0, help="At most N new indexes.")] = None,
    engine: Annotated[EngineWord, typer.Option(help="What prices ideas.")] = EngineWord.TWIN,
    bindir: Annotated[
        Path | None, typer.Option(help="Server programs for the twin; default: embedded.")
    ] = None,
    fail_on: Annotated[
        SeverityWord | None, typer.Option(help="Exit with 1 on a finding this severe.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if anything was not examined.")
    ] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Say what each stage cost.")] = False,
) -> None:
    """Find what makes a database slow, prove the fix, write it down.

    Reads the server in a read-only session, or a snapshot file; prints findings and writes
    report.html, report.json, migration.up.sql and migration.down.sql into --out.
    """
    from dataclasses import replace

    from dbtune.advisor import AdvisorOptions
    from dbtune.cli._options import show, size_bytes
    from dbtune.cli._progress import shown_progress, timings_table
    from dbtune.cli._target import snapshot_and_traffic
    from dbtune.collect import CollectOptions
    from dbtune.finding import Severity
    from dbtune.pipeline import AnalyzeOptions, analyze, write_analysis

    collecting = CollectOptions(tuple(schema or ()), tuple(exclude or ()), min_calls)
    options = AnalyzeOptions(
        scope=collecting,
        rules_dir=rules,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        advisor=AdvisorOptions(
            budget_bytes=size_bytes(budget, "--budget") if budget else None, max_indexes=max_indexes
        ),
        engine=engine.value,
        bindir=bindir,
        fail_on=Severity[fail_on.name] if fail_on else None,
        strict=strict,
    )
    with shown_progress() as stages:
        snapshot, traffic = snapshot_and_traffic(
            target, collecting, stages, workload_file=workload, logs=tuple(logs or ()),
            line_prefix=log_line_prefix, show_values=show_params,
        )  # fmt: skip
        if not snapshot.relations:
            options = replace(options, engine="none")  # logs alone: there is nothing to price
        analysis = analyze(snapshot, options, stages, traffic=traffic)
        stages.stage("write")
        files = write_analysis(analysis, out)
    formats = ("json",) if as_json else tuple(output_format or ("text",))
    show(analysis.report, formats, top=top, files=files)
    if timings:
        typer.echo(timings_table(stages.seconds), err=True)
    if analysis.report.verdict.failed:
        raise typer.Exit(analysis.report.verdict.exit_code)
