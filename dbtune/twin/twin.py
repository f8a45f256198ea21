"""Open a twin: an embedded server with a snapshot's schema, statistics and sizes, and no rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

import psycopg
from psycopg.conninfo import make_conninfo

from dbtune.errors import ServerFailed
from dbtune.identifier import quote_identifier, quote_literal
from dbtune.progress import Progress, Silent
from dbtune.server.binaries import Binaries, wheel_binaries
from dbtune.server.cluster import Cluster, running_cluster
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from dbtune.twin.extended import restore_extended
from dbtune.twin.load import load_schema
from dbtune.twin.model import NotModelled
from dbtune.twin.settings import planner_settings
from dbtune.twin.skipscan import SKIP_SCAN_MAJOR
from dbtune.twin.statistics import restore_statistics
from dbtune.twin.storage import make_storage

_MINIMUM_MAJOR = 15
_RANGE_STATISTICS_MAJOR = 17
_IO_METHOD_MAJOR = 18
DATABASE = "twin"
ROLE = "dbtune"

SETTINGS = {
    "autovacuum": "off",  # it would replace the statistics
    "shared_buffers": "16MB",
    "max_connections": "10",
    "max_locks_per_transaction": "4096",
    "max_worker_processes": "0",
    "max_parallel_workers": "0",
    "jit": "off",
    "checkpoint_timeout": "1d",
    "max_wal_size": "512MB",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}


@contextmanager
def twin_cluster(binaries: Binaries | None = None) -> Iterator[Cluster]:
    """A server for twins, gone when the block ends; several may share it, one after the other.

    Raises:
        ServerFailed: it cannot be started.
    """
    used = binaries or wheel_binaries()
    settings = {**SETTINGS, "io_method": "sync"} if used.major >= _IO_METHOD_MAJOR else SETTINGS
    with running_cluster(used, settings=settings, in_memory=True) as cluster:
        yield cluster


@contextmanager
def open_twin(
    snapshot: Snapshot,
    *,
    binaries: Binaries | None = None,
    progress: Progress | None = None,
    shared: Cluster | None = None,
    database: str = DATABASE,
) -> Iterator[Twin]:
    """A twin of the snapshot's database, gone when the block ends.

    Args:
        snapshot: what to model.
        binaries: server programs of PostgreSQL 15 or newer; None: the embedded ones.
        progress: told of the stages.
        shared: a server to use instead of one of its own.
        database: the twin's database there; it must not exist.

    Raises:
        ServerFailed: the embedded server cannot be started, or is too old to take statistics.
    """
    used = shared.binaries if shared else binaries or wheel_binaries()
    if used.major < _MINIMUM_MAJOR:
        raise ServerFailed(
            f"The server programs in {used.bindir} are PostgreSQL {used.version}; "
            "a twin needs 15 or newer.",
            "Leave out --bindir to use the embedded server.",
        )
    told = progress or Silent()
    told.stage("start embedded server")
    with nullcontext(shared) if shared else twin_cluster(used) as cluster:
        locale = create_database(cluster, snapshot, database)
        superuser_dsn = cluster.dsn(database)
        owner_dsn = make_conninfo(superuser_dsn, user=ROLE)
        with (
            psycopg.connect(superuser_dsn, autocommit=True) as superuser,
            psycopg.connect(owner_dsn, autocommit=True) as owner,
        ):
            superuser.execute("SET allow_system_table_mods = on")
            loaded, missing = load_schema(superuser, owner, snapshot, told, holds_rows=False)
            told.stage("restore statistics")
            refused = (
                *restore_statistics(superuser, loaded),
                *restore_extended(superuser, owner, loaded),
            )
            storage = make_storage(superuser, cluster.data_dir)
            storage.restore(loaded)
            unset = planner_settings(owner, snapshot)
            notes = (*_version_notes(snapshot, used), *locale, *missing, *refused, *unset)
            lacks_skip_scan = snapshot.server.major < SKIP_SCAN_MAJOR <= used.major
            yield Twin(superuser, owner, storage, loaded, notes, lacks_skip_scan=lacks_skip_scan)


def create_database(
    cluster: Cluster, snapshot: Snapshot, database: str = DATABASE
) -> tuple[NotModelled, ...]:
    """An empty database whose collation treats `LIKE 'x%'` as the target's does."""
    server = snapshot.server
    locale = None
    if server.locale_provider == "b":
        locale = f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {quote_literal(server.collate)}"
    elif server.locale_provider == "c" and server.collate in {"C", "POSIX"}:
        locale = "LC_COLLATE 'C'"
    elif server.locale_provider == "c" and server.collate.lower() in {"c.utf-8", "c.utf8"}:
        locale = ""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        with suppress(psycopg.errors.DuplicateObject):
            connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
        sql = (
            f"CREATE DATABASE {quote_identifier(database)} OWNER {ROLE}"
            f" TEMPLATE template0 ENCODING 'UTF8' "
        )
        if locale is not None:
            with suppress(psycopg.Error):  # a locale that this build lacks
                connection.execute(f"{sql}{locale}".encode())
                return ()
        connection.execute(sql.encode())
    return (NotModelled(f"collation {server.collate}", "planned with C.UTF-8 in its place"),)


def _version_notes(snapshot: Snapshot, binaries: Binaries) -> Iterator[NotModelled]:
    if snapshot.server.major != binaries.major:
        what = f"planner of PostgreSQL {snapshot.server.major}"
        remedy = (
            f"dbtune analyze TARGET --bindir DIR plans by PostgreSQL {snapshot.server.major}'s own."
        )
        yield NotModelled(
            what,
            f"planned by PostgreSQL {binaries.major} in its place",
            remedy=remedy if snapshot.server.major >= _MINIMUM_MAJOR else "",
        )
    if snapshot.server.major < _RANGE_STATISTICS_MAJOR:
        for relation in snapshot.relations:
            if any(c.type_kind in "rm" and c.statistics for c in relation.columns):
                what = f"statistics of range columns of {relation.name}"
                why = f"pg_stats shows them from PostgreSQL {_RANGE_STATISTICS_MAJOR} on"
                yield NotModelled(what, why, relation.name)
