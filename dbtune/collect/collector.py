"""From a target to a Snapshot: the queries in order, and what could not be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
import psycopg

from dbtune import __version__
from dbtune.collect import missing, statements
from dbtune.collect.catalog import read_catalog, values
from dbtune.collect.connect import Connection, connected
from dbtune.collect.plans import with_plans
from dbtune.collect.search_path import resolve
from dbtune.collect.session import Row, Session, utc_now
from dbtune.errors import CannotConnect, MissingPrivilege
from dbtune.identifier import QualifiedName
from dbtune.progress import Progress, Silent
from dbtune.snapshot.catalog import Extension
from dbtune.snapshot.model import Server, Snapshot
from dbtune.snapshot.scope import Scope


@dataclass(frozen=True, slots=True)
class CollectOptions(Scope):
    """What to collect.

    `statements` is the greatest number of statements kept, those with most execution time. With
    `watch_s`, pg_stat_statements is read `readings` times, evenly spread over so many seconds.
    `plans_from_target` is the number of statements to EXPLAIN there. The timeouts limit single
    queries.
    """

    statements: int = 5000
    watch_s: float = 0.0
    readings: int = 5
    plans_from_target: int = 0
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 200


def collect(
    target: str | None,
    options: CollectOptions | None = None,
    progress: Progress | None = None,
) -> Snapshot:
    """A snapshot of the database that `target` names (see `connect.connected`).

    What the role may not read, or what somebody has locked, becomes a NotCollected, and the rest
    goes on.

    Raises:
        BadInput: the target is no connection string, or its server is too old.
        CannotConnect: the server cannot be reached, refuses, or breaks off.
        MissingPrivilege: the role may see neither statistics nor statements.
    """
    options = options or CollectOptions()
    progress = progress or Silent()
    progress.stage("connect")
    with connected(target) as connection:
        try:
            return _snapshot(connection, options, progress)
        except psycopg.errors.InsufficientPrivilege as error:
            raise MissingPrivilege(
                f"The catalog cannot be read: {_said(error)}.", "Ask an owner for the privilege."
            ) from error
        except psycopg.Error as error:
            raise CannotConnect(
                f"The server broke off while the catalog was read: {_said(error)}.",
                "Try again at a quieter time.",
            ) from error


def _said(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")


def _snapshot(connection: Connection, options: CollectOptions, progress: Progress) -> Snapshot:
    session = Session(connection, options.statement_timeout_ms, options.lock_timeout_ms)
    session.begin()
    settings = {row["name"]: row["value"] for row in session.rows("settings")}
    extensions = values(session.rows("extensions"), Extension)
    reader = statements.statement_reader(session, extensions, settings)
    earlier: tuple[statements.Counts, ...] = ()
    if reader and options.watch_s > 0:
        earlier = reader.watch(options.watch_s, options.readings, progress)
    progress.stage("statements")
    captured_at = utc_now()
    rows = reader.rows() if reader else []
    work = statements.worked(rows, min_calls=options.min_calls, limit=options.statements)
    readings = (*earlier, statements.counts_of(captured_at, rows)) if earlier else ()
    paths = _search_paths(session, settings["search_path"])
    progress.stage("catalog")
    selected = _selected(session, options)
    if hidden := statements.hidden_texts(session.role, rows, work):
        session.not_collected.append(hidden)
    _require_something(session, selected, work)
    catalog = read_catalog(session, selected)
    found = statements.statements_of(work, paths)
    if options.plans_from_target:
        found = with_plans(session, found, options.plans_from_target, paths[0], progress)
    snapshot = Snapshot(
        dbtune_version=__version__,
        captured_at=captured_at,
        server=msgspec.convert(session.rows("server")[0], Server),
        settings=settings,
        extensions=extensions,
        relations=catalog.relations,
        indexes=catalog.indexes,
        constraints=catalog.constraints,
        extended_statistics=catalog.extended_statistics,
        objects=catalog.objects,
        search_path=paths[0],
        statements=found,
        readings=statements.readings_of(work, readings),
        evictions=reader.evictions() if reader and rows else None,
        not_collected=tuple(session.not_collected),
        installable_extensions=tuple(row["name"] for row in session.rows("installable_extensions")),
    )
    session.end()
    return snapshot


def _selected(session: Session, options: CollectOptions) -> list[Row]:
    """The relations to collect; what pg_stats will not show of them is noted."""
    there = session.rows("selection")
    options.require_any(map(_name, there))
    rows = [row for row in there if options.wants(_name(row))]
    analysed = [row for row in rows if row["is_analysed"]]
    hidden = [_name(r) for r in analysed if not r["may_select_all"]]
    secured = [_name(r) for r in analysed if r["may_select_some"] and r["row_security_active"]]
    if hidden:
        session.not_collected.append(missing.hidden_statistics(session.role, hidden, session.major))
    if secured:
        session.not_collected.append(missing.row_security(session.role, secured))
    return rows


def _name(row: Row) -> QualifiedName:
    return QualifiedName(row["schema"], row["name"])


def _require_something(session: Session, selected: Sequence[Row], work: Sequence[Row]) -> None:
    """Refuse a role that sees nothing from which anything could be learnt."""
    analysed = [row for row in selected if row["is_analysed"]]
    if analysed and not work and not any(row["may_select_some"] for row in analysed):
        remedies = "; ".join(n.remedy for n in session.not_collected if n.remedy)
        raise MissingPrivilege(
            f"Role {session.role} may see neither the column statistics nor the statements of "
            f"database {session.connection.info.dbname}.",
            f"Run as a superuser: {remedies}",
        )


def _search_paths(session: Session, default: str) -> dict[int, tuple[str, ...]]:
    """The search path of each role that has one of its own; 0 stands for this session's."""
    rows = session.rows("schemas")
    schemas: Collection[str] = {row["name"] for row in rows}
    paths = {0: resolve(default, session.role, schemas)}
    for row in session.rows("role_settings"):
        path = resolve(row["search_path"], row["role"], schemas)
        paths[row["role_oid"]] = path
    return paths
