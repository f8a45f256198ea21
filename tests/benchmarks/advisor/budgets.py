"""TPC-H: what the advisor chooses for a budget of real bytes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from dbtune.advice import Advice
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
EXPLAINS = 240  # the goal is 250 for one budget
SETTINGS = {
    "autovacuum": "off",
    "synchronous_commit": "on",  # else VACUUM finds rows that are not yet all-visible
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
}

HEAD = ("budget", "choice", "figure", "gap", "indexes", "MB", "explains", "seconds")


def queries() -> dict[int, str]:
    """The 22 queries by number."""
    return {int(p.stem[1:]): p.read_text() for p in sorted(TPCH.glob("q*.sql"))}


@contextmanager
def loaded(scale: float = SCALE) -> Iterator[str]:
    """The DSN of a server with TPC-H, primary keys only."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_cluster(wheel_binaries(), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        tool = Path(sys.executable).with_name("tpchgen-cli")
        connection.execute((TPCH / "schema.sql").read_bytes())
        command = [str(tool), "csv", "-s", str(scale), f"--output-dir={folder}"]
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
