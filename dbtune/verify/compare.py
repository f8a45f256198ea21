"""Which statements a change of indexes touches, and what it does to their times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import psycopg
from psycopg import Connection, RawCursor

from dbtune.advice import Declined, Measured
from dbtune.bench.measure import (
    SLOTS,
    Effort,
    Series,
    first_line,
    measure,
    quiet,
    raise_if_lost,
    visit,
)
from dbtune.bench.result import Row, rows_of
from dbtune.bench.stats import Judgement, Verdict
from dbtune.bench.stopwatch import Stopwatch
from dbtune.bench.switch import State
from dbtune.bench.task import Task
from dbtune.errors import ServerFailed
from dbtune.identifier import QualifiedName
from dbtune.plan import Plan, read_plan
from dbtune.progress import Progress
from dbtune.verify.states import RolledBackDrops, leave

STATES: tuple[State, ...] = ("before", "after")
SIGHT_ROUNDS = 2
CLEARLY = 1.25
"""A statement whose every time after is so many times below every time before is faster: by chance
alone two rounds come out so once in fifteen times, and in truth slower ones do not."""
LEAST_ROUNDS = 8


@dataclass(frozen=True)
class Plans:
    """A statement's plans on both sides, one a parameter set."""

    before: tuple[Plan, ...]
    after: tuple[Plan, ...]

    @property
    def signatures(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(p.signature for p in self.before), tuple(p.signature for p in self.after)

    @property
    def changed(self) -> bool:
        return self.signatures[0] != self.signatures[1]

    @property
    def used_after(self) -> frozenset[str]:
        """Names of the indexes in the plans after."""
        return frozenset(name for plan in self.after for name in plan.indexes_used())

    @property
    def target(self) -> QualifiedName | None:
        """The relation that the statement writes."""
        nodes = (n for n in self.after[0].root.walk() if n.node_type == "ModifyTable")
        return next((n.relation for n in nodes), None)


def plans_of(
    connection: Connection[Any], tasks: Sequence[Task], switch: RolledBackDrops
) -> tuple[dict[str, Plans], list[Declined]]:
    """The plans of all statements on both sides; those that have none are told."""
    found: dict[str, dict[State, tuple[Plan, ...]]] = {t.fingerprint: {} for t in tasks}
    refused: dict[str, Declined] = {}
    for state in STATES:
        switch.enter(connection, state)
        for task in tasks:
            try:
                found[task.fingerprint][state] = tuple(_plans(connection, task))
            except psycopg.Error as error:
                raise_if_lost(connection, error)
                refused[task.fingerprint] = _refused(task, first_line(error))
                switch.enter(connection, state)
    leave(connection)
    plans = {
        key: Plans(sides["before"], sides["after"])
        for key, sides in found.items()
        if len(sides) == len(STATES)
    }
    return plans, list(refused.values())


def _plans(connection: Connection[Any], task: Task) -> Iterator[Plan]:
    cursor = RawCursor(connection)
    for runs in task.before:
        text = b"EXPLAIN (VERBOSE, FORMAT JSON) " + runs[0].text.encode()
        row = cursor.execute(text, runs[0].values).fetchone()
        yield read_plan(row[0] if row else None)


def measured_of(
    connection: Connection[Any],
    tasks: Sequence[Task],
    switch: RolledBackDrops,
    effort: Effort,
    *,
    predicted: Mapping[str, float],
    progress: Progress,
) -> Iterator[Measured | Declined]:
    """The figures of statements, those that need few rounds first.

    A run is stopped at the effort's time cap. What is clearly faster at first sight is not run
    again; everything else is measured and judged as in a benchmark.

    Raises:
        ServerFailed: the server was lost.
        KeyboardInterrupt: so the user wishes; what was yielded before stands.
    """
    random = Random(effort.seed)
    doubtful: list[Task] = []
    progress.stage("running what changed", len(tasks))
    for task in tasks:
        leave(connection)  # what is set in a transaction goes with it
        with quiet(connection, effort) as stopwatch:
            seen = _at_first_sight(stopwatch, task, switch, random, predicted)
            leave(connection)
        progress.step()
        if seen is None:
            doubtful.append(task)
        else:
            yield seen
    # A run may take longer than the first without being stopped for it.
    patient = replace(effort, statement_timeout_s=3 * effort.statement_timeout_s)
    measurement = measure(connection, doubtful, switch, patient, progress)
    for row in rows_of(measurement, Judgement()):
        yield _measured(row, predicted)
    for left in measurement.not_measured:
        yield Declined(left.text[:200], left.reason, left.fingerprint)
    if measurement.stopped == "interrupted":
        raise KeyboardInterrupt
    if measurement.stopped:
        raise ServerFailed(measurement.stopped)


def _at_first_sight(
    stopwatch: Stopwatch,
    task: Task,
    switch: RolledBackDrops,
    random: Random,
    predicted: Mapping[str, float],
) -> Measured | Declined | None:
    """The figures, where a cap or two rounds settle them; else None."""
    times = {state: _once(stopwatch, task, switch, state) for state in STATES}
    refusals = [t for t in times.values() if isinstance(t, str)]
    if refusals:
        return _refused(task, refusals[0])
    before, after = float(times["before"]), float(times["after"])
    if math.isinf(before) and math.isinf(after):
        return _refused(task, "it was stopped at the time cap before and after")
    if math.isinf(before) or math.isinf(after):
        return _capped(stopwatch.connection, task, before, after, predicted)
    series = Series(task)
    series.typical_ms = {"before": before / len(task.before), "after": after / len(task.before)}
    for _ in range(SIGHT_ROUNDS):
        for slot in random.sample(SLOTS, len(SLOTS)):
            switch.enter(stopwatch.connection, "after" if slot == "after" else "before")
            visit(stopwatch, series, slot)
    sums = {slot: [sum(r) / len(r) for r in rounds] for slot, rounds in series.rounds.items()}
    befores = [*sums["before"], *sums["again"]]
    if max(sums["after"]) * CLEARLY >= min(befores):
        return None
    return Measured(
        task.fingerprint, task.calls, min(befores), min(sums["after"]),
        min(sums["after"]) / max(befores), max(sums["after"]) / min(befores), Verdict.FASTER.value,
        predicted.get(task.fingerprint),
    )  # fmt: skip


def _once(stopwatch: Stopwatch, task: Task, switch: RolledBackDrops, state: State) -> float | str:
    """Milliseconds of one run of every parameter set, infinite if stopped; or why there is none."""
    switch.enter(stopwatch.connection, state)
    try:
        return sum(stopwatch.time(runs, writes=task.writes) for runs in task.before)
    except psycopg.errors.QueryCanceled:
        return math.inf
    except psycopg.Error as error:
        raise_if_lost(stopwatch.connection, error)
        return first_line(error)


def _capped(
    connection: Connection[Any],
    task: Task,
    before: float,
    after: float,
    predicted: Mapping[str, float],
) -> Measured:
    """One side was stopped: the other's time, and the cap in the place of the time unknown."""
    row = connection.execute(
        "SELECT setting::float8 FROM pg_settings WHERE name = 'statement_timeout'"
    ).fetchone()
    cap_ms = row[0] if row else 0.0
    is_faster = math.isinf(before)
    sets = len(task.before)
    before_ms, after_ms = (cap_ms, after / sets) if is_faster else (before / sets, cap_ms)
    ratio = after_ms / before_ms
    side = "before" if is_faster else "after"
    return Measured(
        task.fingerprint, task.calls, before_ms, after_ms,
        0.0 if is_faster else ratio, ratio if is_faster else math.inf,
        (Verdict.FASTER if is_faster else Verdict.SLOWER).value,
        predicted.get(task.fingerprint),
        f"{side} the change it was stopped after {cap_ms / 1000:g} s",
    )  # fmt: skip


def _measured(row: Row, predicted: Mapping[str, float]) -> Measured:
    effect = row.effect
    return Measured(
        row.task.fingerprint, row.task.calls, effect.before_ms, effect.before_ms * effect.ratio,
        effect.low, effect.high, row.verdict.value, predicted.get(row.task.fingerprint),
    )  # fmt: skip


def _refused(task: Task, reason: str) -> Declined:
    return Declined(task.text[:200], reason, task.fingerprint)
