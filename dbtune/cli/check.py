"""`dbtune check`: the gate for pull requests."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtune.errors import BadInput

if TYPE_CHECKING:
    from dbtune.progress import Progress
    from dbtune.snapshot.model import Snapshot


class FailOn(StrEnum):
    """The severities by name, weakest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MIGRATION]...", help="The same as --migrations."),
    ] = None,
    *,
    snapshot: Annotated[
        str | None,
        typer.Option(
            metavar="SNAPSHOT|TARGET",
            help="Production: a snapshot file, or a server as for psql. Without one, --dsn alone "
            "is judged.",
        ),
    ] = None,
    migrations: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="The pull request's migrations: a file, a folder, or - for SQL on standard input; "
            "may be repeated.",
        ),
    ] = None,
    workload: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SQL file of the statements of the head.")
    ] = None,
    logs: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Server log of the test run; may be repeated."),
    ] = None,
    dsn: Annotated[
        str | None,
        typer.Option(metavar="TESTDB", help="The test database: its statements and schema."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Findings that are known.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Severities, budgets and waivers.")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Folder with rules of your own.")] = None,
    fail_on: Annotated[
        FailOn | None, typer.Option(help="Least severity that fails; over the policy's.")
    ] = None,
    output_format: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="What to print: text (default), json, md, html, sarif, junit, github, gitlab, "
            "tap; or FORMAT=FILE; may be repeated.",
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Show at most N of each; 0: all.")] = 0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if anything was not examined.")
    ] = False,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day by which waivers expire; default: now."),
    ] = None,
) -> None:
    """Say whether a pull request makes the database slower, and fail if it does.

    Plans production's statements with and without the pull request's migrations, against
    production's statistics and without its data; watches what the migrations lock; judges the
    statements that the tests ran. Exits with 1 if something new is at or above --fail-on.
    """
    import dataclasses
    import os

    from dbtune.cli._options import require_formats, show
    from dbtune.cli._progress import shown_progress
    from dbtune.collect.logs import read_logs, statements_of_logs
    from dbtune.finding import Severity
    from dbtune.gate.baseline import read_baseline
    from dbtune.gate.check import check
    from dbtune.gate.migrations import read_migrations
    from dbtune.gate.policy import Policy, load_policy
    from dbtune.gate.sides import CheckInput
    from dbtune.report.render import render
    from dbtune.rules.load import load_rules
    from dbtune.statement.workload_file import read_workload

    if snapshot is None and dsn is None:
        raise BadInput(
            "There is nothing to check.",
            "Give production with --snapshot FILE, or a test database with --dsn.",
        )
    formats = tuple(output_format or ("text",))
    require_formats(formats)
    chosen = load_policy(policy) if policy else Policy()
    if fail_on:
        chosen = dataclasses.replace(chosen, fail_on=Severity[fail_on.name])
    with shown_progress() as stages:
        test = _collected(dsn, stages) if dsn else None
        base = _collected(snapshot, stages) if snapshot else test
        assert base is not None
        traffic = read_logs(tuple(logs), progress=stages) if logs else None
        logged = statements_of_logs(traffic) if traffic else ()
        written = read_workload(workload) if workload else ()
        asked = CheckInput(
            base=base if snapshot else dataclasses.replace(base, statements=(), readings=()),
            rules=load_rules(rules),
            today=(today or datetime.now()).date(),
            scripts=read_migrations((*(migrations or ()), *(files or ()))),
            arrivals=(*written, *logged, *(test.statements if test else ())),
            logged=logged,
            traffic=traffic,
            test_schema=test if snapshot else None,
            judges_base=snapshot is None,
            baseline=read_baseline(baseline) if baseline else (),
            policy=chosen,
            strict=strict,
            snapshot_name=_named(snapshot),
        )
        report = check(asked, stages)
    show(report, formats, top=top, files=())
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and "github" in formats:
        _append(Path(summary), render(report, "md"))
    if report.verdict.failed:
        raise typer.Exit(report.verdict.exit_code)


def _append(path: Path, text: str) -> None:
    """Add to a file that other steps of the job write to as well."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"Cannot write GITHUB_STEP_SUMMARY {path}: {error.strerror}.") from error


def _collected(target: str | None, progress: Progress) -> Snapshot:
    from dbtune.cli._target import snapshot_of
    from dbtune.collect import CollectOptions

    return snapshot_of(target, CollectOptions(), progress)


def _named(snapshot: str | None) -> str:
    """What commands to reproduce a finding call the snapshot; never a password."""
    from dbtune.cli._target import is_file

    return snapshot if snapshot and is_file(snapshot) else "TARGET"
