"""The demo application's server and database, freshly made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

import psycopg

from dbtune.progress import Progress, Silent
from dbtune.server.binaries import Binaries, wheel_binaries
from dbtune.server.cluster import Cluster, running_cluster

DATABASE = "crm"

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "256MB",
    "max_connections": "40",
    "autovacuum": "off",  # nothing but the traffic may happen while it is measured
    "log_min_duration_statement": "0",
    "log_line_prefix": "%m [%p] %q%u@%d %a vxid=%v query_id=%Q ",
    "log_checkpoints": "off",
}

UNSEEN = "-c log_min_duration_statement=-1 -c pg_stat_statements.track=none"
"""Session options for work that is not the application's: no trace in log and statistics."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo application."""

    cluster: Cluster
    dsn: str


@contextmanager
def running_demo(
    *, scale: float = 1.0, binaries: Binaries | None = None, progress: Progress | None = None
) -> Iterator[Demo]:
    """The CRM on a throwaway server: schema, rows, indexes, statistics; no traffic yet.

    Args:
        scale: 1 gives 240,000 leads; the other large tables follow.
        binaries: the server programs; the embedded PostgreSQL 18 when not given.
        progress: told of the stages.

    Raises:
        ServerFailed: the server could not be started.
    """
    progress = progress or Silent()
    progress.stage("starting PostgreSQL")
    with running_cluster(binaries or wheel_binaries(), settings=SETTINGS) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}"'.encode())
        dsn = cluster.dsn(DATABASE)
        progress.stage("making the demo's rows")
        make_tables(dsn, scale)
        yield Demo(cluster, dsn)


def make_tables(dsn: str, scale: float) -> None:
    """Create the CRM's tables in an empty database and fill them; same scale, same rows."""
    with psycopg.connect(dsn, autocommit=True, options=UNSEEN) as connection:
        connection.execute("SELECT set_config('demo.scale', %s, false)", (str(scale),))
        for script in ("schema.sql", "rows.sql", "indexes.sql"):
            connection.execute(files(__package__).joinpath(script).read_bytes())
        connection.execute("VACUUM (ANALYZE)")


def vacuum(dsn: str) -> None:
    """What autovacuum would do after the traffic, and after indexes were built."""
    with psycopg.connect(dsn, autocommit=True, options=UNSEEN) as connection:
        connection.execute("VACUUM (ANALYZE)")
