"""TPC-H: what the advisor chooses for a budget of real bytes, and whether that is true."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from dbtune.advice import Advice, CreateIndex
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.progress import Silent
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.twin import open_twin

TPCH = Path(__file__).parent.parent / "tpch"
SCALE = 1
NOT_COUNTED = frozenset({2, 17, 20})  # as in the peers' table: one of them dwarfs all others
BUDGETS_MB = (75, 150, 306, 755, None)
BUILT_MB = (306, 755)
CAP_MS = 60_000
EXPLAINS = 240  # the goal is 250 for one budget
ROUNDS = 3
SETTINGS = {
    "autovacuum": "off",
    "synchronous_commit": "on",  # else VACUUM finds rows that are not yet all-visible
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
}

HEAD = ("budget", "choice", "figure", "gap", "indexes", "MB", "explains", "seconds")
TRUTH_HEAD = (
    "budget", "predicted", "built", "MB predicted", "MB built", "time ratio", "slower", "which",
)  # fmt: skip


def queries() -> dict[int, str]:
    """The 22 queries by number."""
    return {int(p.stem[1:]): p.read_text() for p in sorted(TPCH.glob("q*.sql"))}


@contextmanager
def loaded() -> Iterator[str]:
    """The DSN of a server with TPC-H, primary keys only."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_cluster(wheel_binaries(), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        tool = Path(sys.executable).with_name("tpchgen-cli")
        connection.execute((TPCH / "schema.sql").read_bytes())
        command = [str(tool), "csv", "-s", str(SCALE), f"--output-dir={folder}"]
        subprocess.run(command, check=True, capture_output=True)
        for file in sorted(Path(folder).glob("*.csv")):
            sql = f"COPY {file.stem} FROM STDIN (FORMAT csv, HEADER)"
            with (
                file.open("rb") as lines,
                connection.cursor() as cursor,
                cursor.copy(sql.encode()) as copy,
            ):
                while block := lines.read(1 << 20):
                    copy.write(block)
            file.unlink()
        connection.execute("VACUUM ANALYZE")
        yield cluster.dsn()


def snapshot_of(server: str) -> Snapshot:
    """The snapshot that all advice is made from, with the counted queries as its workload."""
    texts = [text for number, text in queries().items() if number not in NOT_COUNTED]
    statements = tuple(StatementStatistics(text, 1, source="file") for text in texts)
    return replace(collect(server), statements=statements)


def advice_for(snapshot: Snapshot, options: AdvisorOptions) -> tuple[Advice, float]:
    """The advice, and the seconds it took with the twin already open."""
    with open_twin(snapshot) as twin:
        workload = assemble_workload(snapshot, None, Scope(), Silent())
        start = time.monotonic()
        advice = advise(workload, twin, options)
        return advice, time.monotonic() - start


def options_for(budget_mb: int | None, *, plain: bool = False) -> AdvisorOptions:
    budget = None if budget_mb is None else budget_mb * 2**20
    if plain:
        return AdvisorOptions(
            budget, objective="cost", kinds=("btree",), include=False, max_explains=EXPLAINS
        )
    return AdvisorOptions(budget, objective="cost", max_explains=EXPLAINS)


def rows(snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    for plain in (False, True):
        for budget in BUDGETS_MB:
            advice, seconds = advice_for(snapshot, options_for(budget, plain=plain))
            size = sum(r.size_bytes or 0 for r in advice.recommendations)
            yield (
                f"{budget} MB" if budget else "none",
                "btree, no INCLUDE" if plain else "all kinds",
                f"{advice.cost_after / advice.cost_before:.3f}",
                f"{advice.gap:.1%}" if advice.gap is not None else "",
                len(advice.recommendations),
                f"{size / 2**20:.0f}",
                advice.explains,
                f"{seconds:.1f}",
            )


def truth(server: str, snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    """Build each set; planner's figure and measured times beside those without it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"SET statement_timeout = {CAP_MS}".encode())
        before_cost, before_ms = _costs(connection), _times(connection)
        for budget in BUILT_MB:
            advice, _ = advice_for(snapshot, options_for(budget))
            specs = [
                c.spec for r in advice.recommendations if isinstance(c := r.change, CreateIndex)
            ]
            size = sum(_build(connection, spec.ddl(spec.default_name())) for spec in specs)
            connection.execute("VACUUM ANALYZE")
            after_cost, after_ms = _costs(connection), _times(connection)
            slower = [n for n in before_ms if after_ms[n] > 1.2 * before_ms[n] + 20]
            words = " ".join(f"q{n}:{after_ms[n] / before_ms[n]:.1f}x" for n in slower)
            yield (
                f"{budget} MB",
                f"{advice.cost_after / advice.cost_before:.3f}",
                f"{sum(after_cost.values()) / sum(before_cost.values()):.3f}",
                f"{sum(r.size_bytes or 0 for r in advice.recommendations) / 2**20:.0f}",
                f"{size / 2**20:.0f}",
                f"{sum(after_ms.values()) / sum(before_ms.values()):.3f}",
                len(slower),
                words or "none",
            )
            for spec in specs:
                connection.execute(f"DROP INDEX {spec.default_name()}".encode())


def _build(connection: psycopg.Connection, ddl: str) -> int:
    """Build an index; returns its bytes."""
    connection.execute("SET statement_timeout = 0")
    connection.execute(ddl.encode())
    connection.execute(f"SET statement_timeout = {CAP_MS}".encode())
    row = connection.execute(
        "SELECT pg_relation_size(indexrelid) FROM pg_index ORDER BY indexrelid DESC LIMIT 1"
    ).fetchone()
    assert row
    return int(row[0])


def _costs(connection: psycopg.Connection) -> dict[int, float]:
    found = {}
    for number, text in queries().items():
        if number not in NOT_COUNTED:
            row = connection.execute(f"EXPLAIN (FORMAT JSON) {text}".encode()).fetchone()
            assert row
            found[number] = float(row[0][0]["Plan"]["Total Cost"])
    return found


def _times(connection: psycopg.Connection) -> dict[int, float]:
    """Median milliseconds of each query, at most CAP_MS."""
    return {number: _time(connection, text) for number, text in queries().items()}


def _time(connection: psycopg.Connection, text: str) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.monotonic()
        try:
            connection.execute(text.encode())
        except psycopg.errors.QueryCanceled:
            return float(CAP_MS)
        taken.append(1000 * (time.monotonic() - start))
    return statistics.median(taken)
