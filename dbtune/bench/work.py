"""The work that does not depend on the machine's mood: buffers, WAL, temporary files, rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import Connection, RawCursor

from dbtune.bench.task import Run
from dbtune.plan import Plan, read_plan


@dataclass(frozen=True)
class Work:
    """Sums over the parameter sets, from EXPLAIN (ANALYZE, BUFFERS, WAL).

    Buffers are pages of 8 KiB; `rows_visited` is actual rows × loops over all plan nodes plus the
    rows that filters removed; `plans` are the plans, one a parameter set.
    """

    shared_hit: int = 0
    shared_read: int = 0
    temp_blocks: int = 0
    wal_bytes: int = 0
    rows_visited: int = 0
    plans: tuple[Plan, ...] = field(default=())


def work_of(connection: Connection[Any], groups: Sequence[Sequence[Run]], *, writes: bool) -> Work:
    """Explain the runs of each parameter set with execution; writes are rolled back."""
    totals = Work()
    for runs in groups:
        plans = [_explain(connection, run, writes=writes) for run in runs]
        for plan in plans:
            totals = _plus(totals, plan)
        totals = replace(totals, plans=(*totals.plans, plans[0]))
    return totals


def rolled_back(connection: Connection[Any], writes: bool) -> AbstractContextManager[object]:
    """Nothing that the block writes stays; within a transaction that is a savepoint."""
    return connection.transaction(force_rollback=True) if writes else nullcontext()


def _explain(connection: Connection[Any], run: Run, *, writes: bool) -> Plan:
    options = b"EXPLAIN (ANALYZE, BUFFERS, WAL, TIMING OFF, FORMAT JSON) "
    cursor = RawCursor(connection)
    with rolled_back(connection, writes):
        row = cursor.execute(options + run.text.encode(), run.values).fetchone()
    return read_plan(row[0] if row else None)


def _plus(work: Work, plan: Plan) -> Work:
    root: Mapping[str, Any] = plan.root.details
    rows = sum(_rows_of(node.details) for node in plan.root.walk())
    return Work(
        shared_hit=work.shared_hit + int(root.get("Shared Hit Blocks", 0)),
        shared_read=work.shared_read + int(root.get("Shared Read Blocks", 0)),
        temp_blocks=work.temp_blocks
        + int(root.get("Temp Read Blocks", 0))
        + int(root.get("Temp Written Blocks", 0)),
        wal_bytes=work.wal_bytes + int(root.get("WAL Bytes", 0)),
        rows_visited=work.rows_visited + rows,
        plans=work.plans,
    )


def _rows_of(node: Mapping[str, Any]) -> int:
    per_loop = float(node.get("Actual Rows", 0)) + float(node.get("Rows Removed by Filter", 0))
    return round(per_loop * float(node.get("Actual Loops", 0)))
