"""How near are the statistics of synthesised rows, and how many plans are the same?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg

from dbtune.collect import collect
from dbtune.demo.application import running_demo, vacuum
from dbtune.demo.traffic import send_traffic
from dbtune.progress import Silent
from dbtune.redact import redact
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.run import synthesised_server
from tests.benchmarks.twin.fidelity import EVERYTHING, SETTINGS, target_plan
from tests.synthesize.distance import Distance, distances
from tests.twin.conftest import statements_in

SHOP = Path(__file__).parents[2] / "synthesize" / "shop.sql"
LIMIT = 1.5

HEAD = (
    "database", "columns", "null frac", "distinct ×", "common", "histogram", "correlation",
    "width ×", "worst, median", "off by 2", "same plans", "notes",
)  # fmt: skip
FAR_HEAD = ("column", "null frac", "distinct ×", "common", "histogram", "correlation", "width ×")


@dataclass(frozen=True)
class Likeness:
    """One database: medians over its columns, and the columns that are far off."""

    row: tuple[object, ...]
    far: list[tuple[object, ...]]


def rows() -> Iterator[Likeness]:
    """One row a database."""
    with running_demo(scale=0.5) as demo:
        send_traffic(demo.dsn, volume=0.5)
        vacuum(demo.dsn)
        source = collect(demo.dsn)
        texts = [s.text for s in source.statements if "pg_" not in s.text]
        yield likeness("demo", source, demo.dsn, texts)
        yield likeness("demo, redacted", redact(source), demo.dsn, texts)
    everything = (EVERYTHING / "everything.sql").read_text()
    texts = statements_in((EVERYTHING / "everything_statements.sql").read_text())
    with loaded(statements_in(everything)) as dsn:
        yield likeness("one of everything", collect(dsn), dsn, texts)
    script, _, last = SHOP.read_text().rpartition("VACUUM")
    with loaded([script, f"VACUUM{last}"]) as dsn:
        yield likeness("shop", collect(dsn), dsn, ())


@contextmanager
def loaded(scripts: Sequence[str]) -> Iterator[str]:
    """The DSN of a server on which scripts have run."""
    with running_cluster(wheel_binaries(), settings=SETTINGS) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for script in scripts:
                connection.execute(script.encode())
        yield cluster.dsn()


def likeness(name: str, source: Snapshot, dsn: str, texts: Sequence[str]) -> Likeness:
    """Synthesise a snapshot and compare."""
    with ExitStack() as stack:
        made = stack.enter_context(synthesised_server(source, progress=Silent()))
        found = list(distances(source, collect(made.dsn)))
        here = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        there = stack.enter_context(psycopg.connect(made.dsn, autocommit=True))
        plans = [(target_plan(here, t), target_plan(there, t)) for t in texts]
        both = [(a.signature, b.signature) for a, b in plans if a and b]
        same = f"{sum(a == b for a, b in both)} of {len(both)}"
        return Likeness(_row(name, found, same, len(made.notes)), far(found))


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
