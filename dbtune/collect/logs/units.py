"""From rows in the engine to Traffic: units in order, the repeating ones kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from dbtune.collect.logs.engine import FETCHING_MB, Engine
from dbtune.traffic import LoggedPlan, Shape, Traffic, Unit

# Quoted strings and numbers; `$7` counts as a number so that it stays what it is: one value.
LITERAL = r"(?:\b[EeBbXxNn])?'(?:[^']|'')*'|\$?\b[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\b"

PAUSE_MS = 1_000
"""A session that waits longer for its client has begun another unit of work."""

UNIT_LENGTH = 1_000
"""A session that never pauses is cut into units of so many executions."""

POOL_SLICE_MS = 10_000
"""What a pool's connections served one statement at a time is kept in slices of so long."""

UNITS_PER_SHAPE = 100
LEAST_RUNS = 3
SHAPE_LENGTH = 25_000
"""Of sessions that never pause, so many executions tell as much as a hundred requests."""

SAMPLE_LENGTH = 100_000


def traffic_of(
    engine: Engine, plans: Mapping[int, LoggedPlan], *, lines: int, damaged_lines: int
) -> Traffic:
    """The Traffic of all entries that the engine has taken in."""
    # auto_explain's entries are executions where nothing else logs them, else the same again.
    ((plans_count,),) = engine.rows(
        "SELECT count(*) FILTER (kind = 'plan')"
        " > count(*) FILTER (kind IN ('statement', 'execute')) FROM entry"
    )
    engine.run(
        "session_rows", pause_ms=PAUSE_MS, unit_length=UNIT_LENGTH, pool_slice_ms=POOL_SLICE_MS,
        plans_count=plans_count,
    )  # fmt: skip
    engine.run(
        "sample", units_per_shape=UNITS_PER_SHAPE, shape_length=SHAPE_LENGTH,
        sample_length=SAMPLE_LENGTH, least_runs=LEAST_RUNS,
    )  # fmt: skip
    ((units_seen, executions, first_at, last_at),) = engine.rows(
        "SELECT count(DISTINCT unit), count(*), make_timestamp_ms(min(at_ms))::VARCHAR,"
        " make_timestamp_ms(max(at_ms))::VARCHAR FROM run"
    )
    shapes = tuple(
        Shape(fingerprint, text, calls, total, longest, plans.get(number))
        for number, fingerprint, text, calls, total, longest in engine.rows(
            "SELECT number, fingerprint, text, count(run.shape), coalesce(sum(ms), 0),"
            " coalesce(max(ms), 0) FROM shape_name LEFT JOIN run ON run.shape = number"
            " GROUP BY number, fingerprint, text ORDER BY number"
        )
    )
    return Traffic(
        shapes=shapes,
        units=tuple(_units(engine)),
        units_seen=units_seen,
        executions=executions,
        lines=lines,
        damaged_lines=damaged_lines,
        first_at=first_at,
        last_at=last_at,
    )


def _units(engine: Engine) -> Iterator[Unit]:
    engine.limit(FETCHING_MB)
    rows = engine.stream(
        "SELECT unit, run.session, shape, run.transaction, run.at_ms::DOUBLE, run.ms, idle_ms,"
        " coalesce(given, nullif(array_to_string(regexp_extract_all(holding, ?), chr(31)), '')),"
        " tags, application, origin"
        " FROM run SEMI JOIN sampled USING (unit) JOIN entry ON entry.rowid = run.entry"
        " ORDER BY min(run.at_ms) OVER (PARTITION BY unit), unit,"
        " CASE WHEN origin <> 'session' THEN run.at_ms END, position",
        LITERAL,
    )
    for _, found in groupby(rows, key=itemgetter(0)):
        yield _unit(list(found))


def _unit(rows: list[tuple[Any, ...]]) -> Unit:
    _, sessions, shapes, transactions, ends, exec_ms, idle, values, *_ = zip(*rows, strict=True)
    first = rows[0]
    starts = [end - ms for end, ms in zip(ends, exec_ms, strict=True)]
    return Unit(
        origin=first[10],
        attribution=first[8] or "",
        application=first[9] or "",
        session_count=len(set(sessions)),
        begin_ms=starts[0],
        shapes=shapes,
        transactions=tuple(_numbered(transactions)),
        starts_ms=tuple(round(start - starts[0], 3) for start in starts),
        exec_ms=exec_ms,
        idle_ms=(0.0, *idle[1:]),
        values=values,
    )


def _numbered(transactions: tuple[str | None, ...]) -> Iterator[int]:
    """A number for each transaction that holds several executions, else -1."""
    counts: dict[str | None, int] = {}
    for name in transactions:
        counts[name] = counts.get(name, 0) + 1
    numbers: dict[str, int] = {}
    for name in transactions:
        if name is None or counts[name] == 1:
            yield -1
        else:
            yield numbers.setdefault(name, len(numbers))
