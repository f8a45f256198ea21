"""Run tasks before and after a change, close together in time and in random order.

Every round visits each task three times: before, after, and before again. What is measured is
what the client waits for: parsing, planning, executing and receiving the rows (see stopwatch.py).
Writes are rolled back; their commit is not timed.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from statistics import mean, median
from typing import Any, Literal

import psycopg
from psycopg import Connection, RawCursor
from psycopg.pq import TransactionStatus as Status

from dbtune.bench.stats import Judgement, width_of
from dbtune.bench.stopwatch import Stopwatch, watching
from dbtune.bench.switch import State, Switch
from dbtune.bench.task import NotMeasured, Run, Task
from dbtune.bench.timings import Timings
from dbtune.bench.work import Work, work_of
from dbtune.errors import ServerFailed
from dbtune.progress import Progress, Silent

Slot = Literal["before", "after", "again"]
SLOTS: tuple[Slot, ...] = ("before", "after", "again")

SHORT_MS = 1.0
REPEATS = 5
"""How often a visit runs what takes less than SHORT_MS; the median counts."""

MIN_ROUNDS = 12
MAX_ROUNDS = 150
FIRST_ROUNDS = 15
MORE_TIME = 0.25
"""By how much the time may be exceeded for noisy statements of which many rounds take no time."""

NARROW = 0.04
"""Half the width of an interval at which more rounds are no longer worth their time."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. `time_limit_s` is for all tasks together, aimed at, not guaranteed."""

    time_limit_s: float = 60.0
    statement_timeout_s: float = 30.0
    min_rounds: int = MIN_ROUNDS
    seed: int = 1

    def least_rounds(self, statements: int) -> int:
        """Rounds without which no statement among so many could be called faster or slower.

        Exchanging sides in R rounds gives p-values down to 2 / 2**R, and the smallest must
        survive the correction for all statements.
        """
        smallest = Judgement().false_discoveries / max(statements, 1)
        return max(self.min_rounds, math.ceil(math.log2(2 / smallest)))


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


@dataclass(slots=True, eq=False)
class Series:
    """The rounds of one task while they come in; one list of rounds a slot."""

    task: Task
    interleaved: bool = True
    work_before: Work = field(default_factory=Work)
    work_after: Work = field(default_factory=Work)
    typical_ms: dict[State, float] = field(default_factory=dict)
    took_s: float = 0.0
    rounds: dict[Slot, list[tuple[float, ...]]] = field(
        default_factory=lambda: {slot: [] for slot in SLOTS}
    )

    @property
    def repeats(self) -> int:
        """The same on both sides, since what has just been run is quicker again."""
        return REPEATS if max(self.typical_ms.values()) < SHORT_MS else 1

    def timings(self) -> Timings:
        whole = min(len(r) for r in self.rounds.values())
        before, after, again = (tuple(self.rounds[slot][:whole]) for slot in SLOTS)
        weights = (1.0,) * len(self.task.before)
        return Timings(before, after, again, weights, self.interleaved)


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
    all_series: list[Series] = []
    refused: list[NotMeasured] = []
    stopped = ""
    try:
        with quiet(connection, effort) as stopwatch:
            started = time.monotonic()
            progress.stage("warming up", len(tasks))
            for task in tasks:
                try:
                    all_series.append(_warm_up_both(stopwatch, task, switch))
                except psycopg.Error as error:
                    raise_if_lost(connection, error)
                    refused.append(refusal(task, error))
                progress.step()
            _rounds(stopwatch, all_series, switch, effort, started=started, progress=progress)
            switch.enter(connection, "after")
    except STOPS as stop:
        stopped = stop_word(stop)
    return measurement_of(all_series, refused, stopped)


STOPS = (KeyboardInterrupt, SystemExit, psycopg.OperationalError, ServerFailed)
"""What ends a measurement early; what was measured until then is kept."""


def stop_word(stop: BaseException) -> str:
    """Why a measurement ended early."""
    if isinstance(stop, KeyboardInterrupt | SystemExit):
        return "interrupted"
    return first_line(stop)


def measurement_of(
    all_series: Sequence[Series], refused: Sequence[NotMeasured], stopped: str
) -> Measurement:
    """What came in, as a value."""
    measured = [s for s in all_series if len(s.timings().before) >= 2]
    unfinished = [
        NotMeasured(
            s.task.fingerprint, s.task.text, s.task.calls, f"ended early: {stopped}", s.task.share
        )
        for s in all_series
        if s not in measured
    ]
    return Measurement(
        tuple(Measured(s.task, s.timings(), s.work_before, s.work_after) for s in measured),
        (*refused, *unfinished),
        stopped,
    )


@contextmanager
def quiet(connection: Connection[Any], effort: Effort) -> Iterator[Stopwatch]:
    """Nothing of ours may disturb: no garbage collection, no cached plans, no endless statement."""
    connection.prepare_threshold = None
    connection.execute(
        f"SET statement_timeout = {round(effort.statement_timeout_s * 1000)}".encode()
    )
    gc.collect()
    gc.disable()
    try:
        with watching(connection) as stopwatch:
            yield stopwatch
    finally:
        gc.enable()
        # A signal may have left the session in the midst of a statement: that is no second error.
        if connection.info.transaction_status not in (Status.ACTIVE, Status.UNKNOWN):
            connection.execute("RESET statement_timeout")


def _warm_up_both(stopwatch: Stopwatch, task: Task, switch: Switch) -> Series:
    series = Series(task)
    for state in ("before", "after"):
        switch.enter(stopwatch.connection, state)
        warm_up(stopwatch, series, state)
    return series


def warm_up(stopwatch: Stopwatch, series: Series, state: State) -> None:
    """Fill the caches, learn what a run takes, and read the deterministic work."""
    task = series.task
    groups = task.before if state == "before" else task.after
    took_ms = []
    for runs in groups:
        stopwatch.time(runs, writes=task.writes)
        took_ms.append(stopwatch.time(runs, writes=task.writes))
    series.typical_ms[state] = mean(took_ms)
    work = work_of(stopwatch.connection, groups, writes=task.writes)
    if state == "before":
        series.work_before = work
    else:
        series.work_after = work


def _rounds(
    stopwatch: Stopwatch,
    all_series: Sequence[Series],
    switch: Switch,
    effort: Effort,
    *,
    started: float,
    progress: Progress,
) -> None:
    """First the same number of rounds for all, then more for those whose intervals are wide.

    Where the first took all the time there is, more go to those alone that take little of it.
    Rounds are added for the width of an interval alone, never for where it lies: stopping when a
    result looks good would make false ones.
    """
    if not all_series:
        return
    random = Random(effort.seed)
    deadline = started + effort.time_limit_s
    least = effort.least_rounds(len(all_series))
    most = max(FIRST_ROUNDS, least)
    progress.stage("measuring", most)
    begun = time.monotonic()
    for number in range(most):
        if number >= least and time.monotonic() > deadline:
            break
        for series in all_series:
            _round(stopwatch, series, switch, random)
        progress.step()
    progress.stage("measuring what is noisy")
    candidates, ended = all_series, time.monotonic()
    if ended > deadline:
        deadline = ended + MORE_TIME * (ended - begun)
        typical_s = mean(s.took_s for s in all_series)
        candidates = [s for s in all_series if s.took_s <= typical_s / 2]
    wide = [s for s in candidates if _is_wide(s)]
    while wide:
        for series in wide:
            for _ in range(5):
                _round(stopwatch, series, switch, random)
            if time.monotonic() > deadline:
                return
        wide = [s for s in wide if len(s.rounds["again"]) < MAX_ROUNDS and _is_wide(s)]


def _is_wide(series: Series) -> bool:
    return width_of(series.timings(), replace(Judgement(), resamples=500)) > NARROW


def _round(stopwatch: Stopwatch, series: Series, switch: Switch, random: Random) -> None:
    begun = time.monotonic()
    for slot in random.sample(SLOTS, len(SLOTS)):
        switch.enter(stopwatch.connection, "after" if slot == "after" else "before")
        visit(stopwatch, series, slot)
    series.took_s += time.monotonic() - begun


def visit(stopwatch: Stopwatch, series: Series, slot: Slot) -> None:
    """Time every parameter set once, the database being in the slot's state."""
    task = series.task
    groups = task.after if slot == "after" else task.before
    _plan_once(stopwatch.connection, groups[0][0])
    times = tuple(
        median(stopwatch.time(runs, writes=task.writes) for _ in range(series.repeats))
        for runs in groups
    )
    series.rounds[slot].append(times)


def _plan_once(connection: Connection[Any], run: Run) -> None:
    """Load what planning needs into the session's caches, which the switch has emptied."""
    RawCursor(connection).execute(b"EXPLAIN " + run.text.encode(), run.values)


def raise_if_lost(connection: Connection[Any], error: psycopg.Error) -> None:
    if connection.closed or isinstance(error, psycopg.errors.AdminShutdown):
        raise ServerFailed(f"the server was lost: {first_line(error)}") from error


def refusal(task: Task, error: psycopg.Error) -> NotMeasured:
    return NotMeasured(task.fingerprint, task.text, task.calls, first_line(error), task.share)


def first_line(error: BaseException) -> str:
    """The server's words without context lines."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
