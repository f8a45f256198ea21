"""What `dbtune bench` does with its options."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from psycopg import Connection

from dbtune.bench.blocks import bench_in_blocks
from dbtune.bench.change import Change, read_change
from dbtune.bench.exports import export_project
from dbtune.bench.journal import read_journal, restore
from dbtune.bench.load import LoadPlan
from dbtune.bench.logged import logged_values
from dbtune.bench.measure import Effort
from dbtune.bench.place import connect_to_bench, refuse_production
from dbtune.bench.render import render
from dbtune.bench.result import Benchmark
from dbtune.bench.run import Order, bench_on_own_server
from dbtune.bench.sent import SentStatement, plan_tasks, read_sent
from dbtune.bench.source import (
    Analysed,
    read_report,
    read_tasks,
    read_text,
    read_workload,
    statements_of,
)
from dbtune.bench.target import read_target
from dbtune.bench.task import NotMeasured, Task
from dbtune.cli._progress import Stages, shown_progress
from dbtune.collect import collect
from dbtune.collect.logs import read_logs
from dbtune.demo.application import running_demo, vacuum
from dbtune.demo.facts import batch_upsert, named
from dbtune.demo.pages import monday_sync
from dbtune.demo.traffic import MIX, send_traffic
from dbtune.errors import INTERRUPTED, BadInput
from dbtune.files import require_folder, unwritable
from dbtune.pipeline import analyze
from dbtune.report.write import write_files
from dbtune.snapshot.file import read_snapshot
from dbtune.synthesize.run import synthesised_server
from dbtune.synthesize.unit import Scale

FORMATS = ("html", "md", "csv", "json")

_SLO = re.compile(r"p95\s*=\s*([\d.]+)\s*(ms|s)\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command line."""

    on: str | None
    demo: bool
    migration: Path | None
    down: Path | None
    report: Path | None
    workload: Path | None
    statements: int
    time_limit_s: float
    seed: int
    targets: tuple[str, ...]
    clients: str | None
    duration_s: int
    rate_tps: float | None
    ramp_s: int
    slo: str | None
    revert: bool
    known_as: str | None
    export: tuple[str, Path] | None
    out: Path
    logs: tuple[Path, ...]
    log_line_prefix: str | None
    repeat: Path | None
    synthesize: Path | None
    scale: float

    @property
    def on_own_server(self) -> bool:
        """True if the server is ours, so that its indexes may be hidden."""
        return self.demo or self.synthesize is not None


def measure(wanted: Wanted) -> None:
    """Measure, write the results, show them."""
    analysed = read_report(wanted.report) if wanted.report else None
    known = _known(wanted, analysed)
    targets = tuple(map(read_target, wanted.targets))
    load = _load_plan(wanted)
    if wanted.export:
        require_folder(wanted.export[1], "--export")
    else:
        require_folder(wanted.out)
    with shown_progress() as stages, _place(wanted, stages) as (dsn, connection):
        change = known.change or _advised(dsn, stages)
        tasks, left = _tasks(wanted, known, connection, stages)
        if wanted.export:
            _export(*wanted.export, tasks)
            return
        order = Order(
            tasks, left, Effort(wanted.time_limit_s, seed=wanted.seed),
            targets=targets, load=load, commands=(_command(),),
        )  # fmt: skip
        if wanted.on_own_server and change.is_switchable:
            benchmark = bench_on_own_server(connection, dsn, change, order, stages)
        else:
            refuse_production(connection, analysed, wanted.known_as)
            _make_folder(wanted.out)
            benchmark = bench_in_blocks(
                lambda: connect_to_bench(dsn), dsn, change, order, revert=wanted.revert,
                journal_file=wanted.out / "journal.json", progress=stages,
            )  # fmt: skip
    _show(benchmark, wanted.out)


def restore_database(on: str | None, journal_file: Path) -> None:
    """Undo what an interrupted benchmark left on a database."""
    journal = read_journal(journal_file)
    if not on:
        raise BadInput(
            f"The journal is of the database {journal.database}; where is that?",
            f"Run: dbtune bench --restore {journal_file} --on DSN",
        )
    with connect_to_bench(on) as connection:
        done = restore(connection, journal)
    journal_file.unlink()
    for statement in done:
        typer.echo(statement)
    typer.echo(f"The database {journal.database} has its indexes as before the benchmark.")


@contextmanager
def _place(wanted: Wanted, stages: Stages) -> Iterator[tuple[str, Connection[Any]]]:
    """The database to measure on, with a session."""
    if wanted.demo:
        with running_demo(progress=stages) as demo:
            send_traffic(demo.dsn, progress=stages)
            vacuum(demo.dsn)
            with connect_to_bench(demo.dsn) as connection:
                yield demo.dsn, connection
        return
    if wanted.synthesize:
        snapshot, scale = read_snapshot(wanted.synthesize), Scale(wanted.scale, {})
        with (
            synthesised_server(snapshot, progress=stages, scale=scale, seed=wanted.seed) as made,
            connect_to_bench(made.dsn) as connection,
        ):
            yield made.dsn, connection
        return
    assert wanted.on
    with connect_to_bench(wanted.on) as connection:
        yield wanted.on, connection


@dataclass(frozen=True, slots=True)
class _Known:
    """What files say, read before anything is started; None: the database is asked.

    `repeated` are the tasks of an earlier run, to be run again as they were.
    """

    change: Change | None
    statements: tuple[SentStatement, ...] | None
    repeated: tuple[Task, ...] | None


def _known(wanted: Wanted, analysed: Analysed | None) -> _Known:
    places = [name for name in ("on", "demo", "synthesize") if getattr(wanted, name)]
    if len(places) > 1:
        raise BadInput(
            f"It can be measured in one place, not in {len(places)}.",
            f"Leave out all but one of {', '.join(f'--{name}' for name in places)}.",
        )
    if not places:
        raise BadInput(
            "Where is it to be measured?",
            "Name a clone of the database with --on DSN, or a snapshot with --synthesize FILE, or "
            "try --demo.",
        )
    statements = None
    if wanted.workload:
        statements = read_workload(wanted.workload)
    elif analysed:
        statements = analysed.statements
    elif wanted.synthesize:
        statements = statements_of(read_snapshot(wanted.synthesize))
    repeated = read_tasks(wanted.repeat) if wanted.repeat else None
    return _Known(_named_change(wanted, analysed), statements, repeated)


def _named_change(wanted: Wanted, analysed: Analysed | None) -> Change | None:
    if wanted.migration:
        return read_change(
            read_text(wanted.migration), read_text(wanted.down) if wanted.down else ""
        )
    if analysed:
        return analysed.change
    if wanted.export:
        return Change(())
    if wanted.demo:
        return None
    raise BadInput(
        "What is the change?", "Name it: --migration FILE, or --from report.json of an analysis."
    )


def _advised(dsn: str, stages: Stages) -> Change:
    """What dbtune analyze advises there."""
    migration = analyze(collect(dsn, progress=stages), progress=stages).migration
    return read_change(migration.up, migration.down)


def _tasks(
    wanted: Wanted, known: _Known, connection: Connection[Any], stages: Stages
) -> tuple[tuple[Task, ...], tuple[NotMeasured, ...]]:
    """What to measure, and what not."""
    if known.repeated is not None:
        return known.repeated, ()
    sent = read_sent(connection) if known.statements is None else known.statements
    logged = {}
    if wanted.logs:
        traffic = read_logs(wanted.logs, line_prefix=wanted.log_line_prefix, progress=stages)
        logged = logged_values(traffic)
    tasks, refused = plan_tasks(connection, sent[: wanted.statements], wanted.seed, logged)
    if wanted.demo:
        tasks = (*named(tasks), batch_upsert(connection, syncs=MIX[monday_sync]))
    left = tuple(
        NotMeasured(
            s.fingerprint, s.text, s.calls, f"beyond the first {wanted.statements}", s.share
        )
        for s in sent[wanted.statements :]
    )
    return tasks, (*refused, *left)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def _load_plan(wanted: Wanted) -> LoadPlan | None:
    if not wanted.clients:
        if wanted.slo or wanted.rate_tps:
            raise BadInput(
                "--slo and --rate are of load, and none is asked for.", "Add: --clients 1,4"
            )
        return None
    try:
        clients = tuple(sorted({int(n) for n in wanted.clients.split(",")}))
    except ValueError:
        clients = ()
    if not clients or clients[0] < 1:
        raise BadInput(f"--clients {wanted.clients} is no list of numbers.", "Write: --clients 1,4")
    found = _SLO.match(wanted.slo) if wanted.slo else None
    if wanted.slo and not found:
        raise BadInput(f"--slo {wanted.slo} is no bound.", "Write for example: --slo p95=50ms")
    slo = float(found[1]) * (1000 if found[2] == "s" else 1) if found else None
    return LoadPlan(clients, wanted.duration_s, wanted.ramp_s, wanted.rate_tps, slo)


def _export(tool: str, folder: Path, tasks: Sequence[Task]) -> None:
    for file in write_files(folder, export_project(tool, tasks), option="--export"):
        typer.echo(file)


def _show(benchmark: Benchmark, out: Path) -> None:
    from shutil import get_terminal_size

    from dbtune.bench.formats.text import render as for_terminal

    files = write_files(out, {f"bench.{name}": render(benchmark, name) for name in FORMATS})
    width = get_terminal_size((120, 40)).columns
    typer.echo(for_terminal(benchmark, width=max(width, 60), color=sys.stdout.isatty()))
    typer.echo(f"Wrote {', '.join(file.name for file in files)} in {out}")
    if benchmark.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _command() -> str:
    """The command line, without what could be a password."""
    words = [re.sub(r"(://[^:/@\s]+):[^@\s]+@", r"\1:***@", word) for word in sys.argv[1:]]
    words = [re.sub(r"(password\s*=\s*)('[^']*'|\S+)", r"\1***", word) for word in words]
    return " ".join(["dbtune", *map(shlex.quote, words)])
