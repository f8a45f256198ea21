"""Which statements a change of indexes touches, and what it does to their times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import mean
from typing import Any

import psycopg
from psycopg import Connection, RawCursor

from dbtune.advice import Declined, Measured
from dbtune.bench.measure import (
    SLOTS,
    Effort,
    Series,
    Slot,
    first_line,
    measure,
    quiet,
    raise_if_lost,
    visit,
)
from dbtune.bench.result import rows_of
from dbtune.bench.stats import Effect, Judgement, Verdict, effect_of, verdicts
from dbtune.bench.stopwatch import Stopwatch
from dbtune.bench.switch import State
from dbtune.bench.task import Task
from dbtune.errors import ServerFailed
from dbtune.identifier import QualifiedName
from dbtune.plan import Plan, read_plan
from dbtune.progress import Progress
from dbtune.verify.states import RolledBackDrops, leave

STATES: tuple[State, ...] = ("before", "after")
FIRST_ROUNDS, SECOND_ROUNDS = 2, 4
CLEARLY = 1.25
"""A statement whose every time after is so many times below every time before is faster: by chance
alone two rounds come out so once in fifteen times, and in truth slower ones do not. One whose every
time is so many times above is slower: by chance four rounds come out so once in 495 times."""
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
    endless: set[str],
    progress: Progress,
) -> Iterator[Measured | Declined]:
    """The figures of statements, those that need few rounds first.

    A run is stopped at the effort's time cap. What a few rounds settle is not run again; what
    they leave looking slower is measured and judged as in a benchmark. `endless` learns the
    statements that the cap stops before the change, which need not be tried for another set.

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
            seen = _at_first_sight(stopwatch, task, switch, random, endless)
            leave(connection)
        progress.step()
        if seen is None:
            doubtful.append(task)
        else:
            yield _with_prediction(seen, predicted)
    # A run may take longer than the first without being stopped for it.
    patient = replace(effort, statement_timeout_s=3 * effort.statement_timeout_s)
    measurement = measure(connection, doubtful, switch, patient, progress)
    for row in rows_of(measurement, Judgement()):
        yield _with_prediction(_measured(row.task, row.effect, row.verdict), predicted)
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
    endless: set[str],
) -> Measured | Declined | None:
    """The figures, where a cap or a few rounds settle them; else None."""
    key = task.fingerprint
    before = math.inf if key in endless else _once(stopwatch, task, switch, "before")
    after = _once(stopwatch, task, switch, "after")
    for refusal in (before, after):
        if isinstance(refusal, str):
            return _refused(task, refusal)
    assert not isinstance(before, str)
    assert not isinstance(after, str)
    if math.isinf(before):
        endless.add(key)
    if math.isinf(before) or math.isinf(after):
        return _capped(stopwatch.connection, task, before, after)
    series = Series(task)
    series.typical_ms = {"before": before, "after": after}
    for rounds in (FIRST_ROUNDS, SECOND_ROUNDS):
        while len(series.rounds["after"]) < rounds:
            for slot in random.sample(SLOTS, len(SLOTS)):
                switch.enter(stopwatch.connection, "after" if slot == "after" else "before")
                visit(stopwatch, series, slot)
        befores, afters = _means(series, "before", "again"), _means(series, "after")
        if max(afters) * CLEARLY < min(befores):
            return _clear(task, befores, afters, Verdict.FASTER)
    if min(afters) > max(befores) * CLEARLY:
        return _clear(task, befores, afters, Verdict.SLOWER)
    judgement = Judgement()
    effect = effect_of(series.timings(), judgement)
    if effect.ratio > 1 + judgement.minimum_effect:
        return None
    return _measured(task, effect, verdicts([effect], judgement)[0])


def _means(series: Series, *slots: Slot) -> list[float]:
    """Milliseconds of a run in each round of these slots, over the parameter sets."""
    return [mean(times) for slot in slots for times in series.rounds[slot]]


def _clear(
    task: Task, befores: Sequence[float], afters: Sequence[float], verdict: Verdict
) -> Measured:
    """What ranges tell that do not meet; the bounds are those of the ranges."""
    return Measured(
        task.fingerprint, task.calls, min(befores), min(afters), min(afters) / max(befores),
        max(afters) / min(befores), verdict.value,
    )  # fmt: skip


def _once(stopwatch: Stopwatch, task: Task, switch: RolledBackDrops, state: State) -> float | str:
    """Milliseconds of a run, over the parameter sets; infinite if stopped; or why there is none."""
    switch.enter(stopwatch.connection, state)
    try:
        return mean(stopwatch.time(runs, writes=task.writes) for runs in task.before)
    except psycopg.errors.QueryCanceled:
        return math.inf
    except psycopg.Error as error:
        raise_if_lost(stopwatch.connection, error)
        return first_line(error)


def _capped(
    connection: Connection[Any], task: Task, before: float, after: float
) -> Measured | Declined:
    """A side was stopped: the other's time, and the cap in the place of the time unknown."""
    leave(connection)
    row = connection.execute(
        "SELECT setting::float8 FROM pg_settings WHERE name = 'statement_timeout'"
    ).fetchone()
    cap_ms = float(row[0]) if row else 0.0
    note = f"the change it was stopped after {cap_ms / 1000:g} s"
    if math.isinf(before) and math.isinf(after):
        return _refused(task, f"before and after {note}")
    if math.isinf(before):
        ratio = after / cap_ms
        return Measured(
            task.fingerprint, task.calls, cap_ms, after, 0.0, ratio, Verdict.FASTER.value,
            note=f"before {note}",
        )  # fmt: skip
    return Measured(
        task.fingerprint, task.calls, before, cap_ms, cap_ms / before, math.inf,
        Verdict.SLOWER.value, note=f"after {note}",
    )  # fmt: skip


def _measured(task: Task, effect: Effect, verdict: Verdict) -> Measured:
    return Measured(
        task.fingerprint, task.calls, effect.before_ms, effect.before_ms * effect.ratio,
        effect.low, effect.high, verdict.value,
    )  # fmt: skip


def _with_prediction(
    found: Measured | Declined, predicted: Mapping[str, float]
) -> Measured | Declined:
    if isinstance(found, Declined):
        return found
    return replace(found, predicted=predicted.get(found.statement))


def _refused(task: Task, reason: str) -> Declined:
    return Declined(task.text[:200], reason, task.fingerprint)
