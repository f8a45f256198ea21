"""Are plan, cost and size of an index that does not exist those of the index once built?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg

from dbtune.collect import collect
from dbtune.errors import BadInput
from dbtune.plan import Plan
from dbtune.server.binaries import Binaries, binaries_in, wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot
from dbtune.twin.twin import open_twin
from tests.benchmarks.twin.fidelity import target_plan
from tests.twin.conftest import statements_in

HERE = Path(__file__).parent
SCRIPTS = ("warehouse.sql", "helpdesk.sql")
SETTINGS = {"autovacuum": "off", "shared_buffers": "256MB", "max_wal_size": "8GB"}
HYPOPG_BINDIR = Path("/usr/lib/postgresql/15/bin")

HEAD = (
    "access method", "candidates", "same plan", "cost error, median", "size error, median",
    "worst size ratio",
)  # fmt: skip


@dataclass(frozen=True)
class Built:
    """A candidate truly built: its size, and the plan of its statement with it."""

    ddl: str
    text: str
    size_bytes: int
    cost: float
    signature: str


@dataclass(frozen=True)
class Prediction:
    """What was predicted of a candidate, as ratios to what was built."""

    access_method: str
    size_ratio: float
    cost_ratio: float
    same_plan: bool


def candidates() -> list[tuple[str, str]]:
    """Each candidate with its statement; those with expressions last, as they need an ANALYZE."""
    texts = statements_in((HERE / "candidates.sql").read_text())
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    return sorted(pairs, key=lambda pair: has_expression(pair[0]))


def has_expression(ddl: str) -> bool:
    keys = ddl.partition(" (")[2]
    return keys.startswith("(") or bool(re.match(r"\w+\(", keys))


def measure() -> list[Prediction]:
    """Build every candidate on a loaded server; predict it from a snapshot taken before."""
    with loaded(wheel_binaries()) as connection:
        snapshot = collect(connection.info.dsn)
        built = [_build(connection, ddl, text) for ddl, text in candidates()]
    return _predict(snapshot, built)


@contextmanager
def loaded(binaries: Binaries) -> Iterator[psycopg.Connection]:
    """A session on a server with the tables that the candidates are for."""
    with (
        running_cluster(binaries, settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        connection.execute("SELECT setseed(0.5)")
        for script in SCRIPTS:
            for statement in statements_in((HERE / script).read_text()):
                connection.execute(statement.encode())
        yield connection


def _build(connection: psycopg.Connection, ddl: str, text: str) -> Built:
    connection.execute(ddl.encode())
    name, size_bytes = _newest(connection)
    if has_expression(ddl):
        connection.execute(f"ANALYZE {ddl.partition(' ON ')[2].split()[0]}".encode())
    plan = target_plan(connection, text)
    connection.execute(f"DROP INDEX {name}".encode())
    if plan is None:
        raise BadInput(f"The server does not plan {text!r}.")
    return Built(ddl, text, size_bytes, plan.total_cost, plan.signature.replace(name, "INDEX"))


def _newest(connection: psycopg.Connection) -> tuple[str, int]:
    row = connection.execute(
        "SELECT c.oid::regclass::text, pg_relation_size(c.oid) FROM pg_class c"
        " WHERE c.relkind = 'i' ORDER BY c.oid DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    return row


def _predict(snapshot: Snapshot, built: list[Built]) -> list[Prediction]:
    predictions = []
    with open_twin(snapshot) as twin:
        for truth in built:
            made = twin.suppose_ddl(truth.ddl)
            plan = twin.plan(truth.text, show=[made.name])
            assert isinstance(plan, Plan)
            predictions.append(
                Prediction(
                    made.spec.access_method,
                    made.size_bytes / truth.size_bytes,
                    plan.total_cost / truth.cost,
                    plan.signature.replace(made.name, "INDEX") == truth.signature,
                )
            )
    return predictions


def table(predictions: list[Prediction]) -> list[tuple[object, ...]]:
    """One row an access method, and one for all."""
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        groups[prediction.access_method].append(prediction)
    groups["all"] = predictions
    return [
        (
            method,
            len(found),
            sum(p.same_plan for p in found),
            f"{median(abs(p.cost_ratio - 1) for p in found):.1%}",
            f"{median(abs(p.size_ratio - 1) for p in found):.1%}",
            f"{max((p.size_ratio for p in found), key=lambda r: abs(r - 1)):.2f}",
        )
        for method, found in groups.items()
    ]


def hypopg_table() -> list[tuple[object, ...]]:
    """HypoPG's sizes of the same candidates, where its package for 15 is installed."""
    library = HYPOPG_BINDIR.parent / "lib" / "hypopg.so"
    if not library.exists():
        return [("HypoPG", "not measured: postgresql-15-hypopg is not installed")]
    ratios: dict[str, list[float]] = defaultdict(list)
    refused = 0
    with loaded(binaries_in(HYPOPG_BINDIR)) as connection:
        connection.execute("CREATE EXTENSION hypopg")
        for ddl, _ in candidates():
            try:
                guessed = connection.execute(
                    "SELECT hypopg_relation_size(indexrelid) FROM hypopg_create_index(%s)",
                    (ddl,),
                ).fetchone()
            except psycopg.Error:
                refused += 1
                continue
            connection.execute("SELECT hypopg_reset()")
            connection.execute(ddl.encode())
            name, size_bytes = _newest(connection)
            connection.execute(f"DROP INDEX {name}".encode())
            method = re.search(r"USING (\w+)", ddl)
            assert guessed is not None
            ratios[method[1] if method else "btree"].append(guessed[0] / size_bytes)
    rows = [
        (
            f"HypoPG on 15: {method}",
            f"{len(found)} candidates, size error {median(abs(r - 1) for r in found):.1%} at the"
            f" median, worst ratio {max(found, key=lambda r: abs(r - 1)):.2f}",
        )
        for method, found in ratios.items()
    ]
    return [*rows, ("HypoPG on 15: refused", f"{refused} candidates")]
