"""TPC-H with refreshes at rising rates: the set shrinks, and reads + writes never lose by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import psycopg

from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.bench.stopwatch import watching
from dbtune.bench.switch import State
from dbtune.bench.task import Run
from dbtune.collect import collect
from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec
from dbtune.progress import Silent
from dbtune.snapshot.model import StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.twin import open_twin
from dbtune.verify.clone import creations
from dbtune.verify.states import RolledBackDrops, leave
from tests.benchmarks.advisor.budgets import NOT_COUNTED, loaded, queries

HEAD = (
    "rows written", "indexes", "MB", "reads s", "with indexes", "writes s", "with indexes",
    "total s", "with indexes", "ratio",
)  # fmt: skip
SCALE = 0.1
RATES = (0, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Orders written (and as many updated, a tenth deleted) for each run of the 19 queries."""
BATCH = 2_000
RUNS = 4
STATES: tuple[State, ...] = ("before", "after")

# A refresh touches few orders that are near one another in time, with their lines (about four).
WRITES = {
    "insert orders": (1.0, f"""INSERT INTO orders SELECT o_orderkey + 100000000, o_custkey,
        o_orderstatus, o_totalprice, o_orderdate, o_orderpriority, o_clerk, o_shippriority,
        o_comment FROM orders WHERE o_orderkey <= {BATCH * 4}"""),
    "insert lines": (4.0, f"""INSERT INTO lineitem SELECT l_orderkey + 100000000, l_partkey,
        l_suppkey, l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag,
        l_linestatus, l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode,
        l_comment FROM lineitem WHERE l_orderkey <= {BATCH * 4}"""),
    "ship lines": (4.0, f"""UPDATE lineitem SET l_linestatus = 'F', l_receiptdate =
        l_shipdate + 3 WHERE l_orderkey <= {BATCH * 4}"""),
    "price orders": (1.0, f"""UPDATE orders SET o_totalprice = o_totalprice + 1
        WHERE o_orderkey <= {BATCH * 4}"""),
    "delete lines": (0.4, f"DELETE FROM lineitem WHERE l_orderkey <= {BATCH * 4}"),
}  # fmt: skip
"""Rows for each order written, and one batch of such rows; written batches are rolled back."""


def rows() -> Iterator[tuple[object, ...]]:
    """One row a rate; times with and without the indexes, measured in turn."""
    with (
        loaded(SCALE) as server,
        psycopg.connect(server, autocommit=True) as connection,
    ):
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        reads = {n: text for n, text in queries().items() if n not in NOT_COUNTED}
        both = {
            **{str(n): text for n, text in reads.items()},
            **{n: w[1] for n, w in WRITES.items()},
        }
        batch = {name: _batch(connection, text) for name, (_, text) in WRITES.items()}
        taken = _times(connection, both, ())
        snapshot = collect(server)
        with open_twin(snapshot) as twin:
            for rate in RATES:
                statements = (
                    *(_statement(text, 1, 1, taken[str(n)][0]) for n, text in reads.items()),
                    *(_write(name, rate, taken[name][0], batch[name]) for name in WRITES if rate),
                )
                workload = assemble_workload(
                    replace(snapshot, statements=statements), twin, Scope(), Silent()
                )
                advice = advise(workload, twin, AdvisorOptions())
                made = tuple(creations(advice.recommendations))
                size = _build(connection, made)
                now = _times(connection, both, made)
                _drop(connection, made)
                figures = [
                    sum(now[str(n)][side] for n in reads) for side in (0, 1)
                ] + [
                    sum(rate * WRITES[n][0] * now[n][side] / batch[n] for n in WRITES)
                    for side in (0, 1)
                ]  # fmt: skip
                yield (rate, len(made), f"{size / 2**20:.0f}", *_seconds(figures))


def _seconds(figures: Sequence[float]) -> tuple[str, ...]:
    before, after = figures[0] + figures[2], figures[1] + figures[3]
    words = (f"{ms / 1000:.2f}" for ms in (*figures, before, after))
    return (*words, f"{after / before:.3f}")


def _statement(text: str, calls: int, rows: int, ms: float) -> StatementStatistics:
    return StatementStatistics(
        text, calls, total_exec_ms=ms, mean_exec_ms=ms / calls, rows=rows, source="file"
    )


def _write(name: str, rate: int, ms: float, batch: int) -> StatementStatistics:
    factor, text = WRITES[name]
    total = round(rate * factor)
    return _statement(text, max(1, total // batch), total, total * ms / batch)


def _batch(connection: psycopg.Connection, text: str) -> int:
    """The rows that a batch writes."""
    with connection.transaction(force_rollback=True):
        return connection.execute(text.encode()).rowcount


def _times(
    connection: psycopg.Connection, texts: Mapping[str, str], made: Sequence[IndexSpec]
) -> dict[str, tuple[float, float]]:
    """The least milliseconds of each text without and with the indexes, run in turn.

    The very first run finds pages that nobody has written yet: it is not counted.
    """
    names = [quote_identifier(spec.default_name()) for spec in made]
    switch = RolledBackDrops(tuple(names))
    found = {}
    with watching(connection) as stopwatch:
        for name, text in texts.items():
            taken: dict[State, list[float]] = {"before": [], "after": []}
            for turn in range(RUNS + 1):
                for state in STATES if turn % 2 else reversed(STATES):
                    leave(connection)
                    if name in WRITES:  # else the second of two pays for the first's dead rows
                        connection.execute("VACUUM orders, lineitem")
                    switch.enter(connection, state)
                    ms = stopwatch.time([Run(text)], writes=name in WRITES)
                    if turn:
                        taken[state].append(ms)
            found[name] = (min(taken["before"]), min(taken["after"]))
            leave(connection)
    return found


def _build(connection: psycopg.Connection, specs: Sequence[IndexSpec]) -> int:
    """Build indexes; returns their bytes."""
    size = 0
    for spec in specs:
        connection.execute(spec.ddl(spec.default_name()).encode())
        name = quote_identifier(spec.default_name())
        row = connection.execute("SELECT pg_relation_size(%s::regclass)", (name,)).fetchone()
        size += row[0] if row else 0
    # What was rolled back is dead weight for whoever comes after.
    connection.execute("VACUUM ANALYZE")
    return size


def _drop(connection: psycopg.Connection, specs: Sequence[IndexSpec]) -> None:
    for spec in specs:
        connection.execute(f"DROP INDEX {quote_identifier(spec.default_name())}".encode())
    connection.execute("VACUUM")
