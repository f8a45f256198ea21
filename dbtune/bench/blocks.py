"""Before and after on a database that the user named: one block after the other.

There the change is really made. Drift between the blocks cannot be told from the change, so the
noise floor is taken as wide apart in time as possible: from two blocks before the change, or, when
it is reverted, from one block before it and one after the revert.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.bench.change import Change, IndexFact, index_facts, run_statement
from dbtune.bench.journal import Journal, open_journal, restore
from dbtune.bench.load import Load, LoadStep, send_load
from dbtune.bench.measure import (
    FIRST_ROUNDS,
    SLOTS,
    STOPS,
    Series,
    Slot,
    measurement_of,
    quiet,
    raise_if_lost,
    refusal,
    stop_word,
    visit,
    warm_up,
)
from dbtune.bench.result import Benchmark
from dbtune.bench.run import Order, benchmark_of, environment
from dbtune.bench.scripts import scripts_of
from dbtune.bench.stopwatch import Stopwatch
from dbtune.bench.switch import State, created_between, indexes_of
from dbtune.bench.task import NotMeasured
from dbtune.errors import BadInput, CannotConnect, ServerFailed
from dbtune.progress import Progress
from dbtune.server.binaries import wheel_binaries

RECONNECT_TRIES = 20
RECONNECT_WAIT_S = 1.0

Connect = Callable[[], Connection[Any]]


@dataclass(slots=True)
class _Run:
    """A benchmark in blocks under way."""

    connection: Connection[Any]
    order: Order
    progress: Progress
    all_series: list[Series] = field(default_factory=list)
    refused: list[NotMeasured] = field(default_factory=list)
    rounds: int = 0

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def bench_in_blocks(
    connect: Connect,
    dsn: str,
    change: Change,
    order: Order,
    *,
    journal_file: Path,
    revert: bool,
    progress: Progress,
) -> Benchmark:
    """Measure, make the change, measure again; and unmake it if asked, or if anything goes wrong.

    Args:
        connect: opens a session (autocommit) on the database; called again if one is lost.
        dsn: the same database for pgbench.
        change: up, and down unless it is all about indexes.
        order: what to measure.
        journal_file: where to write what must be undone if this process is killed.
        revert: unmake the change at the end.
        progress: told of the stages.

    Raises:
        BadInput: nobody knows how to unmake the change, or the server refuses it.
        ServerFailed: the change could not be unmade; the message says how to do it.
    """
    if not change.is_switchable and not change.down:
        raise BadInput(
            "The migration does more than create and drop indexes, and nothing says how to undo "
            "it if the benchmark is interrupted.",
            "Name the way back with --down FILE.",
        )
    with _Run(connect(), order, progress) as run:
        return _bench(run, connect, dsn, change, journal_file=journal_file, revert=revert)


def _bench(
    run: _Run, connect: Connect, dsn: str, change: Change, *, journal_file: Path, revert: bool
) -> Benchmark:
    order = run.order
    facts: tuple[IndexFact, ...] = ()
    load: Load | None = None
    stopped = ""
    found = environment(run.connection, "blocks")
    journal = open_journal(run.connection, change, journal_file)
    try:
        with _undone_on_failure(connect, journal, journal_file):
            with quiet(run.connection, order.effort) as stopwatch:
                _first_blocks(run, stopwatch, revert=revert)
            before = _send_load(run, dsn, "before")
            facts = _apply(run.connection, change, run.progress)
            with quiet(run.connection, order.effort) as stopwatch:
                _block(run, stopwatch, "after")
            after = _send_load(run, dsn, "after")
            load = Load(order.load, before, after) if order.load else None
            if revert:
                run.progress.stage("unmaking the change")
                restore(run.connection, journal)
                with quiet(run.connection, order.effort) as stopwatch:
                    _block(run, stopwatch, "again")
        journal_file.unlink()
    except STOPS as stop:
        stopped = stop_word(stop)
    run.progress.stage("judging")
    return benchmark_of(
        measurement_of(run.all_series, run.refused, stopped),
        order,
        found,
        change.up,
        facts,
        load,
    )


@contextmanager
def _undone_on_failure(connect: Connect, journal: Journal, journal_file: Path) -> Iterator[None]:
    """Whatever ends the block early, the database is as before afterwards, or a command is told."""
    try:
        yield
    except:
        undo(connect, journal, journal_file)
        raise


def undo(connect: Connect, journal: Journal, journal_file: Path) -> None:
    """Restore the database in a new session; a server that restarts is waited for.

    Raises:
        ServerFailed: it could not be done; the message holds the command that does it.
    """
    command = f"dbtune bench --restore {journal_file} --on DSN"
    for _ in range(RECONNECT_TRIES):
        try:
            with connect() as connection:
                restore(connection, journal)
        except (psycopg.OperationalError, CannotConnect):
            time.sleep(RECONNECT_WAIT_S)
            continue
        except ServerFailed as error:
            raise ServerFailed(error.what, f"Then run: {command}") from error
        journal_file.unlink(missing_ok=True)
        return
    raise ServerFailed(
        "The server was lost with the change applied to it.", f"When it is back, run: {command}"
    )


def _first_blocks(run: _Run, stopwatch: Stopwatch, *, revert: bool) -> None:
    """Warm up; before; and before again unless the revert will give a later chance for it."""
    run.progress.stage("warming up", len(run.order.tasks))
    for task in run.order.tasks:
        series = Series(task, interleaved=False)
        try:
            warm_up(stopwatch, series, "before")
        except psycopg.Error as error:
            raise_if_lost(run.connection, error)
            run.refused.append(refusal(task, error))
        else:
            run.all_series.append(series)
        run.progress.step()
    _block(run, stopwatch, "before")
    if not revert:
        _block(run, stopwatch, "again")


def _block(run: _Run, stopwatch: Stopwatch, slot: Slot) -> None:
    """All rounds of one slot, one after the other; the first block decides how many."""
    if slot == "after":
        for series in list(run.all_series):
            try:
                warm_up(stopwatch, series, "after")
            except psycopg.Error as error:
                raise_if_lost(run.connection, error)
                run.refused.append(refusal(series.task, error))
                run.all_series.remove(series)
    deadline = time.monotonic() + run.order.effort.time_limit_s / len(SLOTS)
    least = run.order.effort.least_rounds(len(run.all_series))
    rounds = run.rounds or max(least, FIRST_ROUNDS * 2)
    run.progress.stage(f"measuring {slot}", rounds)
    for number in range(rounds):
        if not run.rounds and number >= least and time.monotonic() > deadline:
            rounds = number
            break
        for series in run.all_series:
            visit(stopwatch, series, slot)
        run.progress.step()
    run.rounds = rounds


def _apply(
    connection: Connection[Any], change: Change, progress: Progress
) -> tuple[IndexFact, ...]:
    progress.stage("making the change", len(change.up))
    # A long build is no runaway statement.
    connection.execute("SET statement_timeout = 0")
    earlier = indexes_of(connection)
    built: dict[int, float] = {}
    for text in change.up:
        known = indexes_of(connection)
        took_ms = run_statement(connection, text)
        built |= {i.oid: took_ms for i in created_between(known, indexes_of(connection))}
        progress.step()
    later = indexes_of(connection)
    return index_facts(created_between(earlier, later), created_between(later, earlier), built)


def _send_load(run: _Run, dsn: str, state: State) -> tuple[LoadStep, ...]:
    if run.order.load is None:
        return ()
    run.progress.stage(f"load {state} the change")
    scripts = scripts_of([s.task for s in run.all_series], after=state == "after")
    return send_load(dsn, run.connection, scripts, run.order.load, wheel_binaries())
