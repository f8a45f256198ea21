"""Do the twin's plans and costs equal those of the loaded server?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.pq import DiagnosticField

from dbtune.collect import collect
from dbtune.demo.application import running_demo, vacuum
from dbtune.demo.traffic import send_traffic
from dbtune.plan import Plan, read_plan
from dbtune.plan_diff import plan_diff
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.twin.retype import Refusal, asked
from dbtune.twin.text import plannable
from dbtune.twin.twin import open_twin
from tests.twin.conftest import statements_in

HERE = Path(__file__).parent
TPCH = HERE.parent / "tpch"
EVERYTHING = HERE.parent.parent / "twin"
SCALE = 0.2
SAMPLES = 12
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "autovacuum": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "8GB",
}


@dataclass(frozen=True)
class Fidelity:
    """How one database's statements compare. `worst` is the ratio of costs farthest from 1."""

    database: str
    statements: int
    same_tree: int
    within_1_percent: int
    worst: float
    unplanned: int

    @property
    def row(self) -> tuple[object, ...]:
        return (
            self.database,
            self.statements,
            self.same_tree,
            self.within_1_percent,
            f"{self.worst:.4f}",
            self.unplanned,
        )


HEAD = ("database", "statements", "same tree", "cost within 1 %", "worst ratio", "unplanned")


def target_plan(connection: psycopg.Connection, text: str) -> Plan | None:
    """The loaded server's own plan of the text as the twin reads it, None where it makes none."""
    explain = "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) "

    def ask(sql: str) -> Plan | Refusal | None:
        result = connection.pgconn.exec_((explain + sql).encode())
        value = result.get_value(0, 0) if result.ntuples else None
        if value is not None:
            return read_plan(json.loads(value)) if b'"Plan"' in value else None
        words, place = (
            (result.error_field(field) or b"0").decode()
            for field in (DiagnosticField.MESSAGE_PRIMARY, DiagnosticField.STATEMENT_POSITION)
        )
        return Refusal(words, int(place) - len(explain) - 1)

    answer = asked(plannable(text), ask, 60)
    return None if isinstance(answer, Refusal) else answer


def compare(database: str, dsn: str, texts: Sequence[str], samples: int = 1) -> Fidelity:
    """Plan every text on the server and on the twin of its snapshot, after each ANALYZE anew."""
    ratios: list[float] = []
    same = unplanned = 0
    for number in range(samples):
        with psycopg.connect(dsn, autocommit=True) as target:
            if number:
                target.execute("ANALYZE")
            with open_twin(collect(dsn)) as twin:
                for text in texts:
                    wanted, planned = target_plan(target, text), twin.plan(text)
                    if wanted is None:
                        continue
                    if not isinstance(planned, Plan):
                        unplanned += 1
                        continue
                    cost = wanted.total_cost
                    ratios.append(planned.total_cost / cost if cost else 1.0)
                    same += wanted.signature == planned.signature
                    _show_difference(wanted, planned)
    worst = max(ratios, key=lambda r: abs(r - 1))
    within = sum(abs(r - 1) <= 0.01 for r in ratios)
    return Fidelity(database, len(ratios), same, within, worst, unplanned)


def _show_difference(wanted: Plan, planned: Plan) -> None:
    """On standard error, both trees where they are not the same."""
    if wanted.signature != planned.signature:
        lines = (f"{line.mark} {line.text}" for line in plan_diff(wanted, planned))
        print("\n".join(("", "the server's plan (-), the twin's (+):", *lines)), file=sys.stderr)


def rows() -> Iterator[Fidelity]:
    """One row a database."""
    literal = [path.read_text().strip().rstrip(";") for path in sorted(TPCH.glob("q*.sql"))]
    with tpch() as dsn:
        yield compare("TPC-H, primary keys", dsn, literal)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            for text in literal:  # LIMIT 0 runs nothing, and leaves the normalized text
                connection.execute(f"SELECT * FROM ({text}) AS query LIMIT 0".encode())
            normalized = _normalized(connection)
            for statement in statements_in((HERE / "tpch_indexes.sql").read_text()):
                connection.execute(statement.encode())
            connection.execute("VACUUM ANALYZE")
        yield compare("TPC-H, 13 more indexes, 12 samples", dsn, literal, SAMPLES)
        yield compare("TPC-H, $n texts, 12 samples", dsn, normalized, SAMPLES)
    with running_demo() as demo:
        with psycopg.connect(demo.dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        send_traffic(demo.dsn, volume=0.2)
        vacuum(demo.dsn)
        texts = [s.text for s in collect(demo.dsn).statements]
        yield compare("demo application, $n texts", demo.dsn, texts)
    with running_cluster(wheel_binaries(), settings=SETTINGS) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for statement in statements_in((EVERYTHING / "everything.sql").read_text()):
                connection.execute(statement.encode())
        texts = statements_in((EVERYTHING / "everything_statements.sql").read_text())
        yield compare("one of everything", cluster.dsn(), texts)


@contextmanager
def tpch(scale: float = SCALE) -> Iterator[str]:
    """The DSN of a server with TPC-H."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_cluster(wheel_binaries(), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        tool = Path(sys.executable).with_name("tpchgen-cli")
        subprocess.run(
            [tool, "csv", "-s", str(scale), f"--output-dir={folder}"],
            check=True,
            capture_output=True,
        )
        connection.execute((TPCH / "schema.sql").read_bytes())
        for file in sorted(Path(folder).glob("*.csv")):
            sql = f"COPY {file.stem} FROM STDIN (FORMAT csv, HEADER)"
            with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
                copy.write(file.read_bytes())
        connection.execute("VACUUM ANALYZE")
        yield cluster.dsn()


def _normalized(connection: psycopg.Connection) -> list[str]:
    texts = connection.execute(
        "SELECT query FROM pg_stat_statements"
        " WHERE query LIKE 'SELECT * FROM (%) AS query LIMIT $%'"
        " ORDER BY query"
    ).fetchall()
    return [text for (text,) in texts]
