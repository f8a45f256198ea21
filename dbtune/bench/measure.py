"""Run tasks before and after a change, close together in time and in random order.

Every round visits each task three times: before, after, and before again. What is measured is
what the client waits for: parsing, planning, executing and receiving the rows. Writes are rolled
back; their commit is not timed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

import psycopg
from psycopg import Connection, RawCursor

from dbtune.bench.stats import Judgement, Timings, effect_of
from dbtune.bench.switch import State, Switch
from dbtune.bench.task import NotMeasured, Run, Task
from dbtune.bench.work import Work, work_of
from dbtune.errors import ServerFailed
from dbtune.progress import Progress, Silent

Slot = Literal["before", "after", "again"]
SLOTS: tuple[Slot, ...] = ("before", "after", "again")

MIN_ROUNDS = 9
MAX_ROUNDS = 60
FIRST_ROUNDS = 15
NARROW = 0.04
"""Half the width of an interval at which more rounds are no longer worth their time."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. `time_limit_s` is for all tasks together, aimed at, not guaranteed."""

    time_limit_s: float = 60.0
    statement_timeout_s: float = 30.0
    min_rounds: int = MIN_ROUNDS
    seed: int = 1


@dataclass(frozen=True)
class Measured:
    """One task's timings and deterministic work on both sides."""

    task: Task
    timings: Timings
    work_before: Work
    work_after: Work


@dataclass(frozen=True)
class Measurement:
    """What was measured, and what not. `stopped` says why it ended early, "" when it did not."""

    measured: tuple[Measured, ...]
    not_measured: tuple[NotMeasured, ...]
    stopped: str = ""


@dataclass(slots=True)
class _Bench:
    """The rounds of one task while they come in; one list of rounds a slot."""

    task: Task
    work_before: Work
    work_after: Work
    round_s: float
    rounds: dict[Slot, list[tuple[float, ...]]] = field(
        default_factory=lambda: {slot: [] for slot in SLOTS}
    )

    def timings(self) -> Timings:
        whole = min(len(r) for r in self.rounds.values())
        before, after, again = (tuple(self.rounds[slot][:whole]) for slot in SLOTS)
        return Timings(before, after, again, (1.0,) * len(self.task.before))


def measure(
    connection: Connection[Any],
    tasks: Sequence[Task],
    switch: Switch,
    effort: Effort,
    progress: Progress | None = None,
) -> Measurement:
    """Measure tasks on both sides of a change that can be switched in a moment.

    Ends early, with what it has, on Ctrl-C and when the server is lost.

    Args:
        connection: in autocommit, of a role that may switch.
        tasks: what to run.
        switch: the change; it is left in the state "after".
        effort: how long.
        progress: told of each round.
    """
    progress = progress or Silent()
    benches: list[_Bench] = []
    refused: list[NotMeasured] = []
    stopped = ""
    try:
        with _quiet(connection, effort):
            started = time.monotonic()
            progress.stage("warming up", len(tasks))
            for task in tasks:
                try:
                    benches.append(_warm_up(connection, task, switch))
                except psycopg.Error as error:
                    _raise_if_lost(connection, error)
                    refused.append(_refusal(task, error))
                progress.step()
            _rounds(connection, benches, switch, effort, started=started, progress=progress)
            switch.enter(connection, "after")
    except KeyboardInterrupt:
        stopped = "interrupted"
    except ServerFailed as error:
        stopped = str(error)
    measured = [b for b in benches if len(b.timings().before) >= 2]
    unfinished = [
        NotMeasured(b.task.fingerprint, b.task.text, b.task.calls, f"ended early: {stopped}")
        for b in benches
        if b not in measured
    ]
    return Measurement(
        tuple(Measured(b.task, b.timings(), b.work_before, b.work_after) for b in measured),
        (*refused, *unfinished),
        stopped,
    )


@contextmanager
def _quiet(connection: Connection[Any], effort: Effort) -> Iterator[None]:
    """Nothing of ours may disturb: no garbage collection, no cached plans, no endless statement."""
    connection.prepare_threshold = None
    connection.execute(
        f"SET statement_timeout = {round(effort.statement_timeout_s * 1000)}".encode()
    )
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _warm_up(connection: Connection[Any], task: Task, switch: Switch) -> _Bench:
    """Fill the caches, learn what a round costs, and read the deterministic work."""
    seconds = 0.0
    works: list[Work] = []
    sides: tuple[tuple[State, tuple[tuple[Run, ...], ...], int], ...] = (
        ("before", task.before, 2),
        ("after", task.after, 1),
    )
    for state, groups, visits in sides:
        switch.enter(connection, state)
        for runs in groups:
            time_group(connection, runs, writes=task.writes)
            seconds += visits * time_group(connection, runs, writes=task.writes) / 1000
        works.append(work_of(connection, groups, writes=task.writes))
    return _Bench(task, works[0], works[1], seconds)


def _rounds(
    connection: Connection[Any],
    benches: Sequence[_Bench],
    switch: Switch,
    effort: Effort,
    *,
    started: float,
    progress: Progress,
) -> None:
    """First the same number of rounds for all, then more for those whose intervals are wide.

    Rounds are added for the width of an interval alone, never for where it lies: stopping when a
    result looks good would make false ones.
    """
    if not benches:
        return
    random = Random(effort.seed)
    left_s = max(0.0, effort.time_limit_s - (time.monotonic() - started))
    affordable = int(left_s / max(sum(b.round_s for b in benches) * 1.1, 1e-6))
    rounds = min(max(affordable, effort.min_rounds), max(FIRST_ROUNDS, effort.min_rounds))
    progress.stage("measuring", rounds)
    for _ in range(rounds):
        for bench in benches:
            _round(connection, bench, switch, random)
        progress.step()
    deadline = started + effort.time_limit_s
    wide = [b for b in benches if _is_wide(b)]
    progress.stage("measuring what is noisy")
    while wide and time.monotonic() < deadline:
        for bench in wide:
            for _ in range(5):
                _round(connection, bench, switch, random)
            if time.monotonic() > deadline:
                return
        wide = [b for b in wide if len(b.rounds["again"]) < MAX_ROUNDS and _is_wide(b)]


def _is_wide(bench: _Bench) -> bool:
    effect = effect_of(bench.timings(), replace(Judgement(), resamples=500))
    widest = max(effect.high / effect.ratio, effect.ratio / effect.low) - 1
    return max(widest, effect.noise_floor) > NARROW


def _round(connection: Connection[Any], bench: _Bench, switch: Switch, random: Random) -> None:
    task = bench.task
    for slot in random.sample(SLOTS, len(SLOTS)):
        groups = task.after if slot == "after" else task.before
        switch.enter(connection, "after" if slot == "after" else "before")
        _plan_once(connection, groups[0][0])
        times = tuple(time_group(connection, runs, writes=task.writes) for runs in groups)
        bench.rounds[slot].append(times)


def _plan_once(connection: Connection[Any], run: Run) -> None:
    """Load what planning needs into the session's caches, which the switch has emptied."""
    RawCursor(connection).execute(b"EXPLAIN " + run.text.encode(), run.values)


def time_group(connection: Connection[Any], runs: Iterable[Run], *, writes: bool) -> float:
    """Milliseconds that a group of runs takes together; writes are rolled back."""
    cursor = RawCursor(connection, row_factory=psycopg.rows.tuple_row)
    if writes:
        connection.execute("BEGIN")
    elapsed = 0
    try:
        for run in runs:
            query = run.text.encode()
            begun = time.perf_counter_ns()
            cursor.execute(query, run.values, binary=True)
            elapsed += time.perf_counter_ns() - begun
    finally:
        if writes and not connection.closed:
            connection.execute("ROLLBACK")
    return elapsed / 1e6


def _raise_if_lost(connection: Connection[Any], error: psycopg.Error) -> None:
    if connection.closed or isinstance(error, psycopg.errors.AdminShutdown):
        raise ServerFailed(f"the server was lost: {first_line(error)}") from error


def _refusal(task: Task, error: psycopg.Error) -> NotMeasured:
    return NotMeasured(task.fingerprint, task.text, task.calls, first_line(error))


def first_line(error: BaseException) -> str:
    """The server's words without context lines."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
