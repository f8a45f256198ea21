"""Does `dbtune bench` cry wolf, and does it see the wolf? `make bench-honesty` prints one table.

A/A: runs on a database that does not change; every statement called faster or slower is false.
Power: statements that are made to do 20 % more work; every one not called slower is missed.
The aim is for those over 1 ms; shorter ones are shown. Busy: the same beside programs that never
rest, two a processor. All with the default judgement. HONESTY_RUNS sets the A/A runs (200),
BENCH the sections (same slower short busy).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.bench.measure import Effort, measure
from dbtune.bench.result import rows_of
from dbtune.bench.stats import Judgement, Verdict
from dbtune.bench.switch import HiddenIndexes, State, Switch
from dbtune.bench.task import Run, Task
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster

AA_RUNS = int(os.environ.get("HONESTY_RUNS", "200"))
POWER_RUNS = max(2, AA_RUNS // 20)
BUSY_RUNS = max(2, AA_RUNS // 10)
POWER_LIMIT_S = 60.0
"""The default time limit of `dbtune bench`."""

SCHEMA = """
CREATE TABLE parcel (id int PRIMARY KEY, depot int, weight numeric, label text);
INSERT INTO parcel SELECT n, n % 97, (n * 37 % 1000) / 10.0, md5(n::text)
FROM generate_series(1, 60000) n;
CREATE INDEX parcel_depot ON parcel (depot);
CREATE TABLE parcel_more AS TABLE parcel;
INSERT INTO parcel_more SELECT id + 60000, depot, weight, label FROM parcel WHERE id <= 12000;
CREATE INDEX parcel_more_depot ON parcel_more (depot);
CREATE VIEW work AS SELECT * FROM parcel;
CREATE TABLE sink (LIKE parcel);
"""

AA_STATEMENTS = (
    ("SELECT * FROM parcel WHERE id = $1", ("5", "50000")),
    ("SELECT count(*) FROM parcel WHERE depot = $1", ("5", "90")),
    ("SELECT depot, count(*), sum(weight) FROM parcel GROUP BY depot", ()),
    ("SELECT * FROM parcel WHERE label LIKE $1 LIMIT 20", ("%ab12%", "%ffe%")),
    ("SELECT label FROM parcel ORDER BY weight DESC LIMIT $1", ("10", "1000")),
    ("UPDATE parcel SET weight = weight + 1 WHERE id = $1", ("77", "7777")),
    ("INSERT INTO parcel VALUES ($1, 5, 1.5, 'new')", ("1000001", "1000002")),
    ("SELECT max(weight) FROM parcel WHERE depot BETWEEN $1::int AND $1::int + 3", ("1", "60")),
)

POWER_STATEMENTS = (
    ("SELECT count(*), sum(weight) FROM work WHERE depot <> $1", ("5", "50")),
    ("SELECT count(*) FROM work WHERE label LIKE $1", ("%ab12%", "%00%")),
    ("SELECT depot, avg(weight) FROM work GROUP BY depot", ()),
    ("SELECT label FROM work ORDER BY md5(label) LIMIT $1", ("5", "50")),
    ("SELECT count(DISTINCT label) FROM work WHERE weight > $1", ("10", "50")),
    ("INSERT INTO sink SELECT * FROM work WHERE depot < $1", ("5", "20")),
)

SHORT_STATEMENTS = (
    ("SELECT count(*), sum(weight) FROM work WHERE depot = $1", ("5", "90")),
    ("SELECT max(label) FROM work WHERE depot BETWEEN $1::int AND $1::int + 1", ("1", "60")),
    ("INSERT INTO sink SELECT * FROM work WHERE depot = $1", ("5", "90")),
)


@dataclass(frozen=True, slots=True)
class Statements:
    """A change made of quick statements of its own, there and back."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def enter(self, connection: Connection[Any], state: State) -> None:
        """Run the statements that lead into the state."""
        for text in self.before if state == "before" else self.after:
            connection.execute(text.encode())


def main() -> None:
    """Print the rates."""
    chosen = os.environ.get("BENCH", "same slower short busy").split()
    with bench_database() as connection:
        print(f"{'':12} {'runs':>5} {'verdicts':>9} {'wrong':>6} {'rate':>8}  {'aim':8} seconds")
        if "same" in chosen:
            false_alarms(connection, "A/A", AA_RUNS)
        if "slower" in chosen:
            planted(connection, "+20 %", POWER_STATEMENTS, "<= 5 %")
        if "short" in chosen:
            planted(connection, "+20 % short", SHORT_STATEMENTS, "")
        if "busy" in chosen:
            with rivals():
                false_alarms(connection, "A/A busy", BUSY_RUNS)
                planted(connection, "+20 % busy", POWER_STATEMENTS, "<= 5 %")


def false_alarms(connection: Connection[Any], name: str, runs: int) -> None:
    """Measure an unchanged database."""
    begun = time.monotonic()
    found = verdicts_of(connection, AA_STATEMENTS, HiddenIndexes(()), runs, 2.0)
    wrong = found[Verdict.FASTER] + found[Verdict.SLOWER]
    show(name, found, wrong, runs=runs, aim="<= 1 %", begun=begun)


def planted(
    connection: Connection[Any],
    name: str,
    statements: tuple[tuple[str, tuple[str, ...]], ...],
    aim: str,
) -> None:
    """Measure statements whose view reads a fifth more after the change."""
    begun = time.monotonic()
    more = "CREATE OR REPLACE VIEW work AS SELECT * FROM "
    switch = Statements((f"{more} parcel",), (f"{more} parcel_more",))
    found = verdicts_of(connection, statements, switch, POWER_RUNS, POWER_LIMIT_S)
    missed = found.total() - found[Verdict.SLOWER]
    show(name, found, missed, runs=POWER_RUNS, aim=aim, begun=begun)


@contextmanager
def rivals() -> Iterator[None]:
    """Two programs a processor that never rest."""
    count = 2 * (os.cpu_count() or 1)
    command = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for rival in running:
            rival.kill()
            rival.wait()


def show(
    name: str, found: Counter[Verdict], wrong: int, *, runs: int, aim: str, begun: float
) -> None:
    rate = wrong / max(found.total(), 1)
    said = ", ".join(f"{count} {verdict.value}" for verdict, count in found.most_common())
    print(
        f"{name:12} {runs:5} {found.total():9} {wrong:6} {rate:8.2%}  {aim:8} "
        f"{time.monotonic() - begun:5.0f}  ({said})",
        flush=True,
    )


@contextmanager
def bench_database() -> Iterator[Connection[Any]]:
    """A server with the schema, quiet."""
    settings = {"autovacuum": "off", "shared_buffers": "128MB"}
    with (
        running_cluster(wheel_binaries(), settings=settings) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        connection.execute(SCHEMA.encode())
        connection.execute("VACUUM (ANALYZE)")
        yield connection


def verdicts_of(
    connection: Connection[Any],
    statements: tuple[tuple[str, tuple[str, ...]], ...],
    switch: Switch,
    runs: int,
    time_limit_s: float,
) -> Counter[Verdict]:
    """All verdicts of so many runs, each with another seed."""
    found: Counter[Verdict] = Counter()
    for run in range(runs):
        effort = Effort(time_limit_s=time_limit_s, seed=run)
        measurement = measure(connection, tasks(statements), switch, effort)
        assert not measurement.stopped, measurement.stopped
        found.update(row.verdict for row in rows_of(measurement, Judgement(seed=run)))
        connection.execute("VACUUM parcel, sink")
    return found


def tasks(statements: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[Task, ...]:
    made = []
    for text, values in statements:
        groups = tuple((Run(text, (v,)),) for v in values) or ((Run(text),),)
        kinds = ("common", "rare")[: len(groups)]
        made.append(Task(text, text, 1, groups, groups, kinds))  # type: ignore[arg-type]
    return tuple(made)


if __name__ == "__main__":
    main()
