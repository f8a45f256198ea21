"""How near are the statistics of synthesised rows, the plans, and the times?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import psycopg

from dbtune.collect import collect
from dbtune.demo.application import running_demo, vacuum
from dbtune.demo.traffic import send_traffic
from dbtune.redact import redact
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.synthesize.run import synthesised_server
from tests.benchmarks.synthesize.behaviour import Compared, compare
from tests.benchmarks.twin.fidelity import EVERYTHING, HERE, SETTINGS, TPCH, target_plan, tpch
from tests.benchmarks.twin.speed import Clock
from tests.synthesize.distance import Distance, distances
from tests.twin.conftest import statements_in

OWN = Path(__file__).parent
SHOP = Path(__file__).parents[2] / "synthesize" / "shop.sql"
LIMIT = 1.5

HEAD = (
    "database", "columns", "null frac", "distinct ×", "common", "histogram", "correlation",
    "width ×", "worst, median", "off by 2", "same plans", "notes", "seconds",
)  # fmt: skip
FAR_HEAD = ("column", "null frac", "distinct ×", "common", "histogram", "correlation", "width ×")


@dataclass(frozen=True)
class Likeness:
    """One database: medians over its columns, those that are far off, and how statements behave."""

    row: tuple[object, ...]
    far: list[tuple[object, ...]]
    compared: Compared | None


def of_tpch(scale: float) -> Iterator[Likeness]:
    """TPC-H with its 22 queries, and what 13 indexes do."""
    texts = [path.read_text().strip().rstrip(";") for path in sorted(TPCH.glob("q*.sql"))]
    workload = tuple(StatementStatistics(text, 1, source="file") for text in texts)
    indexes = statements_in((HERE / "tpch_indexes.sql").read_text())
    with tpch(scale) as dsn:
        source = replace(collect(dsn), statements=workload)
        yield likeness(f"TPC-H {scale:g}", source, dsn, texts, indexes)


def of_demo() -> Iterator[Likeness]:
    """The demo application, as it is and redacted."""
    with running_demo(scale=0.5) as demo:
        send_traffic(demo.dsn, volume=0.5)
        vacuum(demo.dsn)
        source = collect(demo.dsn)
        texts = [s.text for s in source.statements if "pg_" not in s.text]
        yield likeness("demo", source, demo.dsn, texts)
        yield likeness("demo, redacted", redact(source), demo.dsn, texts)


def of_everything() -> Iterator[Likeness]:
    """A schema with one of everything."""
    everything = (EVERYTHING / "everything.sql").read_text()
    texts = statements_in((EVERYTHING / "everything_statements.sql").read_text())
    with loaded(statements_in(everything)) as dsn:
        yield likeness("one of everything", collect(dsn), dsn, texts)


def of_shop() -> Iterator[Likeness]:
    """Tenants, composite keys, partitions by range and hash, arrays, jsonb, skew."""
    yield from _own("shop", SHOP.read_text())


def of_telemetry() -> Iterator[Likeness]:
    """Devices of customers, which nothing was tuned to."""
    yield from _own("telemetry", (OWN / "telemetry.sql").read_text() + "VACUUM ANALYZE;")


def _own(name: str, script: str) -> Iterator[Likeness]:
    """A schema of which we have statements with values, and indexes; first they make statistics."""
    texts = statements_in((OWN / f"{name}_statements.sql").read_text())
    indexes = statements_in((OWN / f"{name}_indexes.sql").read_text())
    before, _, last = script.rpartition("VACUUM")
    with loaded(["CREATE EXTENSION pg_stat_statements", before, f"VACUUM{last}", *texts]) as dsn:
        yield likeness(name, collect(dsn), dsn, texts, indexes)


@contextmanager
def loaded(scripts: Sequence[str]) -> Iterator[str]:
    """The DSN of a server on which scripts have run."""
    with running_cluster(wheel_binaries(), settings=SETTINGS) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for script in scripts:
                connection.execute(script.encode())
        yield cluster.dsn()


def likeness(
    name: str, source: Snapshot, dsn: str, texts: Sequence[str], indexes: Sequence[str] = ()
) -> Likeness:
    """Synthesise a snapshot and compare; the statements are run if there are indexes to try."""
    clock = Clock({})
    with ExitStack() as stack:
        made = stack.enter_context(synthesised_server(source, progress=clock))
        clock.stage("")
        found = list(distances(source, collect(made.dsn)))
        compared = compare(name, dsn, made.dsn, texts, indexes) if indexes else None
        same = "-" if compared else _same_plans(dsn, made.dsn, texts)
        row = _row(name, found, same, len(made.notes))
        return Likeness((*row, f"{sum(clock.seconds.values()):.1f}"), far(found), compared)


def _same_plans(source: str, made: str, texts: Sequence[str]) -> str:
    with (
        psycopg.connect(source, autocommit=True) as here,
        psycopg.connect(made, autocommit=True) as there,
    ):
        plans = [(target_plan(here, t), target_plan(there, t)) for t in texts]
    both = [(a.signature, b.signature) for a, b in plans if a and b]
    return f"{sum(a == b for a, b in both)} of {len(both)}"


def _row(name: str, found: Sequence[Distance], same: str, notes: int) -> tuple[object, ...]:
    def middle(field: str) -> str:
        return f"{median(getattr(d, field) for d in found):.3f}"

    fields = ("null_frac", "distinct", "common", "histogram", "correlation", "width", "worst")
    off = sum(d.worst > 2 for d in found)
    return (name, len(found), *map(middle, fields), off, same, notes)


def far(found: Sequence[Distance]) -> list[tuple[object, ...]]:
    """The columns that are off by more than LIMIT."""
    return [
        (d.column, *(f"{v:.3f}" for v in
                     (d.null_frac, d.distinct, d.common, d.histogram, d.correlation, d.width)))
        for d in found
        if d.worst > LIMIT
    ]  # fmt: skip
