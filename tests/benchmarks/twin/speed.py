"""How long does the twin take, and how does that grow with the schema?"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.pricing import Hypothetical
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot
from dbtune.twin.twin import open_twin

RELATIONS = (50, 500, 5000)
COLUMNS = 12
HEAD = ("relations", "collect, s", "open twin, s", "of it load, s", "suppose 1,000, s",
        "plans/s", "what-if calls/s")  # fmt: skip


@dataclass
class Clock:
    """Progress that remembers how long each stage took."""

    seconds: dict[str, float]
    current: str = ""
    since: float = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        now = time.perf_counter()
        if self.current:
            self.seconds[self.current] = self.seconds.get(self.current, 0.0) + now - self.since
        self.current, self.since = name, now

    def step(self, count: int = 1) -> None:
        del count


def rows() -> Iterator[tuple[object, ...]]:
    """One row a schema size."""
    for relations in RELATIONS:
        with server(relations) as dsn:
            start = time.perf_counter()
            snapshot = collect(dsn)
            collected = time.perf_counter() - start
        yield (f"{relations:,}", f"{collected:.2f}", *_timed(snapshot))


def _timed(snapshot: Snapshot) -> Iterator[object]:
    clock = Clock({})
    start = time.perf_counter()
    with open_twin(snapshot, progress=clock) as twin:
        yield f"{time.perf_counter() - start:.2f}"
        yield f"{clock.seconds['load schema']:.2f}"
        table = QualifiedName("public", "t1")
        columns = [f"c{n}" for n in range(2, COLUMNS)]
        keys = itertools.islice(
            itertools.chain.from_iterable(itertools.permutations(columns, n) for n in (2, 3, 4)),
            1000,
        )
        specs = [IndexSpec(table, tuple(map(column_key, names))) for names in keys]
        start = time.perf_counter()
        names = [m.name for m in twin.suppose(specs) if isinstance(m, Hypothetical)]
        yield f"{time.perf_counter() - start:.2f}"
        text = "SELECT * FROM t1 JOIN t2 ON t2.id = t1.parent_id WHERE t1.c3 = $1 AND t1.c4 > $2"
        start = time.perf_counter()
        for _ in range(300):
            twin.plan(text)
        yield round(300 / (time.perf_counter() - start))
        start = time.perf_counter()
        for number in range(300):
            twin.plan(text, show=names[number : number + 3])
        yield round(300 / (time.perf_counter() - start))


@contextmanager
def server(relations: int) -> Iterator[str]:
    """A server with tables of twelve columns, two indexes, a foreign key and some rows each."""
    settings = {"autovacuum": "off", "max_locks_per_transaction": "10000"}
    columns = ", ".join(
        f"c{n} {('int', 'text', 'numeric', 'timestamptz')[n % 4]}" for n in range(2, COLUMNS)
    )
    with running_cluster(wheel_binaries(), settings=settings) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for number in range(1, relations + 1):
                connection.execute(
                    f"CREATE TABLE t{number} (id int PRIMARY KEY,"
                    f" parent_id int REFERENCES t{max(number - 1, 1)}, {columns});"
                    f"INSERT INTO t{number} (id, c4, c5, c8)"
                    f" SELECT i, i % 7, 'text ' || i % 11, i FROM generate_series(1, 60) i;"
                    f"CREATE INDEX ON t{number} (c4, c5)".encode()
                )
            connection.execute("ANALYZE")
        yield cluster.dsn()
