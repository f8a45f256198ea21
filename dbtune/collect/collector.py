"""From a target to a Snapshot: the catalog queries in order, and what could not be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import psycopg

from dbtune import __version__
from dbtune.collect import catalog, missing
from dbtune.collect.connect import Connection, connected
from dbtune.collect.queries import names_in, version_tuple
from dbtune.collect.search_path import resolve
from dbtune.collect.session import Row, Session
from dbtune.collect.statements import HIDDEN_TEXT, workload_of
from dbtune.errors import CannotConnect, MissingPrivilege
from dbtune.identifier import QualifiedName
from dbtune.progress import Progress, Silent
from dbtune.snapshot.catalog import Constraint, ExtendedStatistics, Extension, SchemaObject
from dbtune.snapshot.model import Server, Snapshot
from dbtune.snapshot.scope import Scope

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CollectOptions(Scope):
    """What to collect.

    `statements` is the greatest number of statements kept, those with most execution time. The
    timeouts limit single queries.
    """

    statements: int = 5000
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 200


def collect(
    target: str | Connection | None,
    options: CollectOptions | None = None,
    progress: Progress | None = None,
) -> Snapshot:
    """A snapshot of the database that `target` names (see `connect.connected`).

    What the role may not read, or what somebody has locked, becomes a NotCollected; the rest goes
    on. An open connection is used as it is, outside a transaction, and stays open.

    Raises:
        BadInput: the target is no connection string, or its server is too old.
        CannotConnect: the server cannot be reached, refuses, or breaks off.
        MissingPrivilege: the role may see neither statistics nor statements.
    """
    options = options or CollectOptions()
    progress = progress or Silent()
    if isinstance(target, psycopg.Connection):
        return _snapshot(target, options, progress)
    progress.stage("connect")
    with connected(target) as connection:
        try:
            return _snapshot(connection, options, progress)
        except psycopg.OperationalError as error:
            said = " ".join(str(error).split()).rstrip(".")
            raise CannotConnect(
                f"The server broke off while the catalog was read: {said}.", "Try again."
            ) from error


def _snapshot(connection: Connection, options: CollectOptions, progress: Progress) -> Snapshot:
    captured_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    session = Session(connection, options.statement_timeout_ms, options.lock_timeout_ms)
    session.begin()
    progress.stage("catalog")
    settings = {row["name"]: row["value"] for row in session.rows("settings")}
    extensions = _values(session.rows("extensions"), Extension)
    selected = _selected(session, options)
    oids = {"selected": [row["oid"] for row in selected]}
    schemas = {"schemas": sorted({row["schema"] for row in selected})}
    relation_rows = session.rows("relations", oids)
    _note_locked(session, relation_rows)
    statistics = catalog.by_column(
        session.rows_if_possible("column_statistics", missing.STATISTICS, schemas)
    )
    progress.stage("statements")
    statement_rows, evictions = _statement_rows(session, extensions, settings)
    _require_something(session, selected, statement_rows)
    paths = _search_paths(session, settings["search_path"])
    snapshot = Snapshot(
        dbtune_version=__version__,
        captured_at=captured_at,
        server=msgspec.convert(session.rows("server")[0], Server),
        settings=settings,
        extensions=extensions,
        relations=catalog.relations_of(relation_rows, session.rows("columns", oids), statistics),
        indexes=catalog.indexes_of(session.rows("indexes", oids), statistics),
        constraints=_values(session.rows("constraints", oids), Constraint),
        extended_statistics=_values(
            session.rows_if_possible("extended_statistics", "extended statistics", oids),
            ExtendedStatistics,
        ),
        objects=_objects(session, oids),
        search_path=paths[0],
        statements=workload_of(
            statement_rows, paths, min_calls=options.min_calls, limit=options.statements
        ),
        evictions=evictions,
        not_collected=tuple(session.not_collected),
    )
    connection.rollback()
    return snapshot


def _values(rows: Sequence[Row], of: type[T]) -> tuple[T, ...]:
    return msgspec.convert(rows, tuple[of, ...])  # type: ignore[valid-type]


def _selected(session: Session, options: CollectOptions) -> list[Row]:
    """The relations to collect; what pg_stats will not show of them is noted."""
    rows = [
        row
        for row in session.rows("selection")
        if options.wants(QualifiedName(row["schema"], row["name"]))
    ]
    hidden = [_name(r) for r in rows if r["is_analysed"] and not r["may_select"]]
    secured = [
        _name(r) for r in rows if r["is_analysed"] and r["may_select"] and r["row_security_active"]
    ]
    if hidden:
        session.not_collected.append(missing.hidden_statistics(session.role, hidden, session.major))
    if secured:
        session.not_collected.append(missing.row_security(session.role, secured))
    return rows


def _name(row: Row) -> QualifiedName:
    return QualifiedName(row["schema"], row["name"])


def _note_locked(session: Session, relations: Sequence[Row]) -> None:
    blocked = [QualifiedName(**row["name"]) for row in relations if row["is_blocked"]]
    if blocked:
        session.not_collected.append(missing.locked(blocked))


def _statement_rows(
    session: Session, extensions: Sequence[Extension], settings: Mapping[str, str]
) -> tuple[list[Row], int | None]:
    """All rows of pg_stat_statements for this database, and how many were evicted before."""
    installed = next((e for e in extensions if e.name == "pg_stat_statements"), None)
    if installed is None:
        preloaded = "pg_stat_statements" in settings.get("shared_preload_libraries", "")
        session.not_collected.append(missing.no_extension(preloaded=preloaded))
        return [], None
    version = session.versions["pg_stat_statements"] = version_tuple(installed.version)
    schema = {"schema": installed.schema}
    try:
        rows = session.rows("statements", {"showtext": True}, identifiers=schema)
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        session.not_collected.append(missing.not_preloaded(error))
        return [], None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled) as error:
        session.not_collected.append(missing.failed(missing.STATEMENTS, error))
        return [], None
    hidden = [row for row in rows if row["text"] == HIDDEN_TEXT]
    if hidden:
        total_ms = sum(row["total_exec_ms"] for row in rows) or 1.0
        share = sum(row["total_exec_ms"] for row in hidden) / total_ms
        session.not_collected.append(missing.hidden_texts(session.role, len(hidden), share))
    if version < (1, 9):
        return rows, None
    evicted = session.rows_if_possible("evictions", "evictions of statements", identifiers=schema)
    return rows, next((row["evictions"] for row in evicted), None)


def _require_something(
    session: Session, selected: Sequence[Row], statements: Sequence[Row]
) -> None:
    """Refuse a role that sees nothing from which anything could be learnt."""
    analysed = [row for row in selected if row["is_analysed"]]
    sees_statements = any(row["text"] != HIDDEN_TEXT for row in statements)
    if analysed and not any(row["may_select"] for row in analysed) and not sees_statements:
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


def _objects(session: Session, parameters: Mapping[str, object]) -> tuple[SchemaObject, ...]:
    """Everything else that the schema needs; one query for each file in `sql/objects/`."""
    found: list[SchemaObject] = []
    for name in names_in("objects"):
        what = name.removeprefix("objects/").replace("_", " ")
        found += _values(session.rows_if_possible(name, what, parameters), SchemaObject)
    return tuple(sorted(found, key=lambda o: (o.kind, o.identity, o.oid)))
