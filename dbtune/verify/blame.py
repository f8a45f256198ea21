"""Which new index is to blame for a statement that became slower, or for dear writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.advice import Measured
from dbtune.bench.measure import Effort, quiet
from dbtune.bench.stats import Verdict
from dbtune.bench.stopwatch import Stopwatch
from dbtune.bench.task import Task
from dbtune.index import IndexSpec
from dbtune.verify.clone import Built
from dbtune.verify.compare import Plans
from dbtune.verify.states import RolledBackDrops, leave

_RUNS = 2


def responsible(
    connection: Connection[Any],
    task: Task,
    switch: RolledBackDrops,
    suspects: Sequence[Built],
    cap_s: float,
) -> Built:
    """The index without which, all others being there, the statement is fastest."""
    if len(suspects) == 1:
        return suspects[0]
    leave(connection)
    with quiet(connection, Effort(statement_timeout_s=cap_s)) as stopwatch:
        times = [(_without(stopwatch, task, switch, suspect), suspect) for suspect in suspects]
        leave(connection)
    return min(times, key=lambda t: t[0])[1]


def _without(stopwatch: Stopwatch, task: Task, switch: RolledBackDrops, index: Built) -> float:
    """Milliseconds of the faster of two runs after the change, that index left out."""
    less = replace(switch, dropped=(*switch.dropped, index.name))
    best = math.inf
    for _ in range(_RUNS):
        less.enter(stopwatch.connection, "after")
        try:
            took = sum(stopwatch.time(runs, writes=task.writes) for runs in task.before)
        except psycopg.errors.QueryCanceled:
            return math.inf
        best = min(best, took)
    return best


def overpaid(
    built: Sequence[Built],
    plans: Mapping[str, Plans],
    measured: Mapping[str, Measured],
    saved_ms: Mapping[IndexSpec, float],
) -> Iterator[tuple[IndexSpec, str]]:
    """Of each relation whose writes lost more than its readers won: the least useful index."""
    for relation in dict.fromkeys(b.spec.relation for b in built):
        own = [b for b in built if b.spec.relation == relation]
        names = frozenset(name for b in own for name in b.shown_as)
        won = lost = 0.0
        for key, figures in measured.items():
            change_ms = figures.calls * (figures.after_ms - figures.before_ms)
            if plans[key].used_after & names:
                won -= change_ms
            elif plans[key].target == relation and figures.verdict == Verdict.SLOWER:
                lost += change_ms
        if lost > max(won, 0.0):
            least = min(own, key=lambda b: (saved_ms.get(b.spec, 0.0), b.name))
            yield (
                least.spec,
                f"built, the indexes on {relation} cost its writes {lost:,.0f} ms and save its"
                f" readers {max(won, 0.0):,.0f} ms",
            )
