"""A whole benchmark: change, tasks, both sides, and the figures that come of them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from dbtune.bench.change import Change, IndexFact, prepare_switch
from dbtune.bench.kpis import kpis
from dbtune.bench.load import Load, LoadPlan, send_load
from dbtune.bench.measure import Effort, Measurement, measure
from dbtune.bench.result import Benchmark, Environment, rows_of, total_of
from dbtune.bench.scripts import scripts_of
from dbtune.bench.stats import Judgement
from dbtune.bench.stopwatch import watched_process
from dbtune.bench.switch import Switch
from dbtune.bench.target import Target, judge_targets
from dbtune.bench.task import NotMeasured, Task
from dbtune.progress import Progress
from dbtune.server.binaries import wheel_binaries

SETTINGS = (
    "shared_buffers", "effective_cache_size", "work_mem", "random_page_cost", "jit",
    "max_parallel_workers_per_gather", "fsync", "synchronous_commit",
)  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    tasks: tuple[Task, ...]
    not_measured: tuple[NotMeasured, ...]
    effort: Effort = field(default_factory=Effort)
    judgement: Judgement = field(default_factory=Judgement)
    targets: tuple[Target, ...] = ()
    load: LoadPlan | None = None
    commands: tuple[str, ...] = ()


def bench_on_own_server(
    connection: Connection[Any], dsn: str, change: Change, order: Order, progress: Progress
) -> Benchmark:
    """Interleave both sides on a server of ours, whose indexes can be hidden.

    Raises:
        BadInput: the change does more than create and drop indexes, or the server refuses it.
    """
    progress.stage("building the change's indexes")
    switch, indexes = prepare_switch(connection, change)
    measurement = measure(connection, order.tasks, switch, order.effort, progress)
    load = None
    if order.load and not measurement.stopped:
        load = _load_both_sides(connection, dsn, order.load, measurement, switch, progress)
    found = environment(connection, "interleaved")
    progress.stage("judging")
    return benchmark_of(measurement, order, found, change.up, indexes, load)


def benchmark_of(  # noqa: PLR0917 - the parts of a value
    measurement: Measurement,
    order: Order,
    found: Environment,
    change: Sequence[str],
    indexes: tuple[IndexFact, ...],
    load: Load | None = None,
) -> Benchmark:
    """The value of a measurement, judged."""
    rows = rows_of(measurement, order.judgement)
    return Benchmark(
        environment=found,
        change=tuple(change),
        indexes=indexes,
        rows=rows,
        not_measured=(*order.not_measured, *measurement.not_measured),
        total=total_of(rows, order.judgement),
        seed=order.effort.seed,
        stopped=measurement.stopped,
        commands=order.commands,
        targets=judge_targets(
            order.targets,
            kpis(rows, measurement.measured, load, after=False),
            kpis(rows, measurement.measured, load, after=True),
        ),
        load=load,
    )


def environment(connection: Connection[Any], method: str) -> Environment:
    """The server and machine that the figures belong to."""
    settings = dict(
        connection.execute(
            "SELECT /* dbtune */ name, current_setting(name) FROM pg_settings "
            "WHERE name = ANY(%s) ORDER BY 1",
            (list(SETTINGS),),
        ).fetchall()
    )
    number = connection.info.server_version
    return Environment(
        server_version=f"{number // 10000}.{number % 10000}",
        database=connection.info.dbname,
        method=method,
        machine=f"{platform.system()} {platform.machine()}",
        processors=os.cpu_count() or 1,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        waits_taken_off=watched_process(connection) is not None,
        settings=settings,
    )


def _load_both_sides(  # noqa: PLR0917 - both sides' whole context
    connection: Connection[Any],
    dsn: str,
    plan: LoadPlan,
    measurement: Measurement,
    switch: Switch,
    progress: Progress,
) -> Load:
    tasks = [m.task for m in measurement.measured]
    sides = []
    for state in ("before", "after"):
        progress.stage(f"load {state} the change")
        switch.enter(connection, state)
        scripts = scripts_of(tasks, after=state == "after")
        sides.append(send_load(dsn, connection, scripts, plan, wheel_binaries()))
    return Load(plan, sides[0], sides[1])
