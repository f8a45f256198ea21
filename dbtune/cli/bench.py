"""`dbtune bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtune.cli._arguments import LogLinePrefix


def run(
    on: Annotated[
        str | None, typer.Option("--on", metavar="DSN", help="Database to measure on: a clone.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Measure on the embedded demo application.")
    ] = False,
    synthesize: Annotated[
        Path | None,
        typer.Option(metavar="SNAPSHOT", help="Measure on rows made from this snapshot."),
    ] = None,
    scale: Annotated[
        float, typer.Option(min=0.0, metavar="F", help="Rows for each row of the snapshot.")
    ] = 1.0,
    migration: Annotated[
        Path | None, typer.Option(help="The change: a script of SQL.", metavar="FILE")
    ] = None,
    down: Annotated[
        Path | None, typer.Option(help="The script that unmakes the change.", metavar="FILE")
    ] = None,
    from_report: Annotated[
        Path | None,
        typer.Option("--from", metavar="REPORT", help="Take statements and change from a report."),
    ] = None,
    workload: Annotated[
        Path | None, typer.Option(help="Statements to measure (-- calls: N).", metavar="FILE.sql")
    ] = None,
    logs: Annotated[
        list[Path] | None,
        typer.Option(help="Server log to take parameter values from; again for more."),
    ] = None,
    log_line_prefix: LogLinePrefix = None,
    repeat: Annotated[
        Path | None,
        typer.Option(metavar="bench.json", help="The same statements and values as that run."),
    ] = None,
    statements: Annotated[int, typer.Option(min=1, help="Measure the first N by time.")] = 30,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds to measure.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Draws the parameters and the order.")] = 1,
    target: Annotated[
        list[str] | None, typer.Option(help='A goal, such as "p95<50ms" or "index_usage>95%".')
    ] = None,
    clients: Annotated[
        str | None, typer.Option(help="Also send load: numbers of clients, N[,N…].")
    ] = None,
    duration: Annotated[int, typer.Option(min=1, help="Seconds of load per step.")] = 10,
    rate: Annotated[
        float | None, typer.Option(help="Limit the load to so many per second.")
    ] = None,
    ramp: Annotated[int, typer.Option(min=0, help="Seconds of each step not counted.")] = 1,
    slo: Annotated[
        str | None, typer.Option(help="The latency that tells saturation, such as p95=50ms.")
    ] = None,
    revert: Annotated[bool, typer.Option("--revert", help="Unmake the change afterwards.")] = False,
    known_as: Annotated[
        str | None,
        typer.Option("--i-know-this-is", metavar="DATABASE", help="Measure although it is in use."),
    ] = None,
    export: Annotated[
        tuple[str, Path] | None,
        typer.Option(
            metavar="TOOL DIR",
            help="Write a load project (locust, k6, jmeter, pgbench) instead of measuring.",
        ),
    ] = None,
    restore: Annotated[
        Path | None,
        typer.Option(metavar="JOURNAL", help="Undo what an interrupted benchmark left."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("reports/out/bench"),
) -> None:
    """Measure statements before and after a change.

    The change is made on the database that --on names, a clone, or on an embedded server with
    rows made from a snapshot's statistics (--synthesize) or of the demo application (--demo).
    Writes are rolled back. Results are bench.html, .md, .csv and .json in --out; bench.json holds
    the parameter values, which are real values of that database.
    """
    from dbtune.cli._bench import Wanted, measure, restore_database

    if restore:
        restore_database(on, restore)
        return
    wanted = Wanted(
        on=on, demo=demo, migration=migration, down=down, report=from_report, workload=workload,
        statements=statements, time_limit_s=time_limit, seed=seed, targets=tuple(target or ()),
        clients=clients, duration_s=duration, rate_tps=rate, ramp_s=ramp, slo=slo, revert=revert,
        known_as=known_as, export=export, out=out, logs=tuple(logs or ()),
        log_line_prefix=log_line_prefix, repeat=repeat, synthesize=synthesize, scale=scale,
    )  # fmt: skip
    measure(wanted)
