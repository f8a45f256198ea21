"""Synthesise: an empty database and a snapshot in, a database with rows out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dbtune.collect.connect import open_connection
from dbtune.errors import CannotConnect, ServerFailed
from dbtune.identifier import QualifiedName, quote_identifier, quote_literal
from dbtune.progress import Progress
from dbtune.server.binaries import Binaries, wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.into import finish, prepare, undo
from dbtune.synthesize.invent import Invention
from dbtune.synthesize.linked import links_of
from dbtune.synthesize.load import load_rows
from dbtune.synthesize.pages import as_full, hide_pages, refill_indexes
from dbtune.synthesize.plan import Planner
from dbtune.synthesize.refused import refusal, said
from dbtune.synthesize.room import require_room
from dbtune.synthesize.schema import NotMade, finish_schema, make_tables, set_sequences
from dbtune.synthesize.unit import Scale, Unit, units_of
from dbtune.synthesize.wide import with_wide_values
from dbtune.twin.settings import planner_values
from dbtune.twin.twin import ROLE, create_database

DATABASE = "synthesized"
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "60",
    "max_locks_per_transaction": "1024",
    "autovacuum": "off",  # nothing but the benchmark may happen while it is measured
}

_DOMAIN_BASES = """
WITH RECURSIVE below AS (
  SELECT oid, oid AS top, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT t.oid, b.top, t.typbasetype,
         CASE WHEN b.typtypmod < 0 THEN t.typtypmod ELSE b.typtypmod END
  FROM below b JOIN pg_type t ON t.oid = b.typbasetype AND t.typtype = 'd')
SELECT format_type(top, NULL), format_type(typbasetype, typtypmod) FROM below b
WHERE NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = b.typbasetype AND t.typtype = 'd')
"""
_LABELS = """
SELECT format_type(enumtypid, NULL), array_agg(enumlabel::text ORDER BY enumsortorder)
FROM pg_enum GROUP BY enumtypid
"""


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A database with synthesised rows. `rows` counts them by relation."""

    dsn: str
    rows: dict[QualifiedName, int]
    notes: tuple[NotMade, ...]


@contextmanager
def synthesised_server(
    snapshot: Snapshot,
    *,
    progress: Progress,
    scale: Scale | None = None,
    seed: int = 1,
    binaries: Binaries | None = None,
) -> Iterator[Synthesised]:
    """An embedded server with the snapshot's database, rows made up; gone when the block ends.

    Raises:
        BadInput: the rows would not fit on the disk.
        ServerFailed: the server could not be started.
    """
    scale = scale or Scale()
    progress.stage("start embedded server")
    with running_cluster(binaries or wheel_binaries(), settings=SETTINGS) as cluster:
        locale = create_database(cluster, snapshot, DATABASE)
        dsn = cluster.dsn(DATABASE)
        owner_dsn = make_conninfo(dsn, user=ROLE)
        with (
            psycopg.connect(dsn, autocommit=True) as superuser,
            psycopg.connect(owner_dsn, autocommit=True) as owner,
        ):
            superuser.execute("CREATE EXTENSION pg_stat_statements")
            units = units_of(snapshot, scale)
            require_room(snapshot, units, cluster.data_dir, scale.factor)
            try:
                made = fill(superuser, owner, snapshot, units, seed=seed, progress=progress)
                refused = _settings(owner, snapshot)
            except psycopg.Error as error:
                raise ServerFailed(f"The rows could not be made: {said(error)}.") from None
            notes = (*(NotMade(n.what, n.why) for n in locale), *made.notes, *refused)
        yield Synthesised(dsn, made.rows, notes)


def synthesise_into(
    dsn: str, snapshot: Snapshot, *, progress: Progress, scale: Scale | None = None, seed: int = 1
) -> Synthesised:
    """Fill an empty database that the user named; it is empty again if that is interrupted.

    Raises:
        BadInput: the database is not empty, or otherwise not one to fill.
        CannotConnect: the server cannot be reached, refuses, or was lost.
    """
    with (
        open_connection(dsn, autocommit=True) as superuser,
        open_connection(dsn, autocommit=True) as owner,
    ):
        unfinished = prepare(owner, snapshot)
        try:
            units = units_of(snapshot, scale or Scale())
            made = fill(superuser, owner, snapshot, units, seed=seed, progress=progress)
            with owner.transaction():
                refused = _settings(owner, snapshot)
                finish(owner)
        except BaseException as error:
            dropped = _undone(dsn, owner.info.backend_pid)
            if isinstance(error, psycopg.Error):
                raise CannotConnect(
                    f"The rows could not be made: {said(error)}.", _LEFT[dropped]
                ) from None
            if not dropped:
                raise CannotConnect("Interrupted.", _LEFT[dropped]) from None
            raise
    return Synthesised(dsn, made.rows, (*_remarks(unfinished), *made.notes, *refused))


_LEFT = {
    True: "What was made has been dropped.",
    False: "What was made is still there: run the same command again, it drops that first.",
}


def _undone(dsn: str, under_way: int) -> bool:
    """Drop what was made; False if that was not possible."""
    try:
        with open_connection(dsn, autocommit=True) as cleaner:
            undo(cleaner, under_way)
    except (psycopg.Error, CannotConnect):
        return False
    return True


def _remarks(unfinished: bool) -> Iterator[NotMade]:
    if unfinished:
        why = "an earlier run left it half-filled; that was dropped first"
        yield NotMade("database", why)


def fill(
    superuser: Connection[Any],
    owner: Connection[Any],
    snapshot: Snapshot,
    units: Sequence[Unit],
    *,
    seed: int,
    progress: Progress,
) -> Synthesised:
    """Make the schema and its rows in an empty database."""
    loaded, missing = make_tables(superuser, owner, with_wide_values(snapshot), progress)
    notes = list(missing)
    here = {u.name: u for u in units if _exists(owner, u)}
    links = links_of(loaded)
    relations = {r.name: r for r in loaded.relations}
    ready = tuple(Unit(relations[u.name], u.rows, u.inherited, u.said) for u in here.values())
    invention = Invention(
        superuser,
        dict(_pairs(superuser, _DOMAIN_BASES)),
        dict(_pairs(superuser, _LABELS)),
        seed,
        snapshot.redacted,
    )
    planner = Planner(loaded, ready, invention, links, seed)
    rows: dict[QualifiedName, int] = defaultdict(int)
    for unit in ready:
        filled = planner.filled(unit)
        progress.stage(f"fill {unit.name}", filled.rows)
        notes += [_allow_null(owner, n, c) for n, c in planner.without_values if n == unit.name]
        with as_full(owner, filled):
            loaded_rows = load_rows(owner, filled, progress)
        rows[unit.name] += loaded_rows.rows
        notes += [NotMade(f"rows of {unit.name}", why) for why in loaded_rows.notes]
    progress.stage("vacuum")
    hide_pages(owner, [u.relation for u in ready])
    notes += [NotMade(f"rows of {name}", why) for name, why in planner.notes]
    notes += finish_schema(owner, loaded, progress)
    refill_indexes(owner, loaded.indexes)
    notes += set_sequences(owner, loaded)
    progress.stage("analyze")
    owner.execute("ANALYZE")
    return Synthesised("", dict(rows), tuple(notes))


def _allow_null(owner: Connection[Any], name: QualifiedName, column: str) -> NotMade:
    """A column that must not be null has no value that could be made: null it is."""
    sql = f"ALTER TABLE {name.sql} ALTER COLUMN {quote_identifier(column)} DROP NOT NULL"
    owner.execute(sql.encode())
    return NotMade(f"NOT NULL of {name}.{column}", "no value of its type could be made")


def _exists(session: Connection[Any], unit: Unit) -> bool:
    row = session.execute("SELECT to_regclass(%s) IS NOT NULL", (unit.name.sql,)).fetchone()
    return bool(row and row[0])


def _pairs(session: Connection[Any], query: str) -> list[tuple[str, Any]]:
    return [(str(a), b) for a, b in session.execute(query.encode())]


def search_path_of(snapshot: Snapshot) -> tuple[str, ...]:
    """One path for the statements of all roles: the collecting role's first, then by time.

    The other schemas follow: an application may have set a path that no catalog knows.
    """
    by_time = sorted(snapshot.statements, key=lambda s: -s.total_exec_ms)
    others = sorted({r.name.schema for r in snapshot.relations})
    paths = (snapshot.search_path, *(s.search_path for s in by_time), others)
    return tuple(dict.fromkeys(schema for path in paths for schema in path))


def _settings(owner: Connection[Any], snapshot: Snapshot) -> list[NotMade]:
    """The target's search path and planner settings for every session; those that are refused."""
    database = quote_identifier(owner.info.dbname)
    path = ", ".join(map(quote_identifier, search_path_of(snapshot))) or "public"
    owner.execute(f"ALTER DATABASE {database} SET search_path = {path}".encode())
    refused = []
    for name, value in planner_values(snapshot).items():
        sql = f"ALTER DATABASE {database} SET {quote_identifier(name)} = {quote_literal(value)}"
        try:
            with owner.transaction():
                owner.execute(sql.encode())
        except psycopg.Error as error:
            refused.append(NotMade(f"setting {name} = {value}", refusal(error, owner)))
    return refused
