"""How fast are rows made, in how much memory, and how does that grow?"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.file import write_snapshot
from tests.benchmarks.twin.fidelity import SETTINGS

SCALES = (1, 4, 16)
ROWS = 100_000
SCHEMA = f"""
CREATE TABLE account (id integer PRIMARY KEY, name text);
INSERT INTO account SELECT n, 'account ' || n FROM generate_series(1, 5000) n;
CREATE TABLE payment (
  id bigint PRIMARY KEY, account_id integer NOT NULL REFERENCES account, kind text NOT NULL,
  amount numeric(12, 2), currency char(3), at timestamptz NOT NULL, day date, ok boolean,
  reference uuid, note text, score double precision, attempts smallint, email varchar(80),
  doc jsonb, updated timestamp);
INSERT INTO payment SELECT n, 1 + n % 5000, (ARRAY['card', 'card', 'cash'])[1 + n % 3],
  n % 99991 / 100.0, 'EUR', timestamptz '2026-01-01' + n * interval '7 s',
  date '2026-01-01' + n / 900, n % 20 > 0, md5(n::text)::uuid,
  CASE WHEN n % 3 = 0 THEN 'note ' || md5(n::text) END, n / 7.0,
  n % 4, 'user' || n || '@mail.example', jsonb_build_object('a', n % 100, 'b', n % 7),
  timestamp '2026-01-01' + n * interval '9 s' FROM generate_series(1, {ROWS}) n;
CREATE INDEX ON payment (account_id, at);
"""
HEAD = ("rows", "seconds", "rows/minute", "COPY of the same", "ratio", "peak memory, MB")

_CHILD = """
import resource, sys, time, psycopg
from pathlib import Path
from dbtune.progress import Silent
from dbtune.snapshot.file import read_snapshot
from dbtune.synthesize.run import synthesise_into
from dbtune.synthesize.unit import Scale
start = time.perf_counter()
scale = Scale(float(sys.argv[3]))
synthesise_into(sys.argv[2], read_snapshot(Path(sys.argv[1])), progress=Silent(), scale=scale)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def rows() -> Iterator[tuple[object, ...]]:
    """One row a scale; each in a process of its own, to see its memory."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_cluster(wheel_binaries(), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        connection.execute(SCHEMA.encode())
        connection.execute("ANALYZE")
        file = Path(folder, "payments.dbtune")
        write_snapshot(collect(cluster.dsn()), file)
        for scale in SCALES:
            connection.execute(f"CREATE DATABASE made_{scale}".encode())
            dsn = make_conninfo(cluster.dsn(), dbname=f"made_{scale}")
            command = [sys.executable, "-c", _CHILD, str(file), dsn, str(scale)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, memory = map(float, said.split())
            copied = _copy_seconds(dsn)
            yield (
                f"{ROWS * scale:,}", f"{seconds:.1f}", f"{ROWS * scale / seconds * 60:,.0f}",
                f"{copied:.1f}", f"{seconds / copied:.2f}", f"{memory:.0f}",
            )  # fmt: skip
            connection.execute(f"DROP DATABASE made_{scale}".encode())


def _copy_seconds(dsn: str) -> float:
    """Copy the rows into a table like it, and build the same indexes and keys."""
    with psycopg.connect(dsn, autocommit=True) as here, psycopg.connect(dsn) as there:
        here.execute("CREATE TABLE again (LIKE payment)")
        start = time.perf_counter()
        with (
            there.cursor().copy("COPY payment TO STDOUT (FORMAT binary)") as source,
            here.cursor().copy("COPY again FROM STDIN (FORMAT binary)") as target,
        ):
            for block in source:
                target.write(block)
        here.execute("ALTER TABLE again ADD PRIMARY KEY (id)")
        here.execute("ALTER TABLE again ADD FOREIGN KEY (account_id) REFERENCES account")
        here.execute("CREATE INDEX ON again (account_id, at)")
        here.execute("VACUUM ANALYZE again")
        return time.perf_counter() - start
