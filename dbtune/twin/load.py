"""Load a snapshot's schema into an empty database, as far as it can be loaded.

Two sessions of our own server take part: the superuser makes what only a superuser may make
(extensions, schemas, stand-ins), by names alone. All SQL text of the snapshot runs as an ordinary
role that owns the database: a snapshot may be a file from somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import psycopg

from dbtune.identifier import quote_identifier
from dbtune.index import EXTENSION_OF_OPCLASS
from dbtune.progress import Progress
from dbtune.snapshot.model import Snapshot
from dbtune.twin.ddl import Ddl, object_phases, relation_phases, table_ddl
from dbtune.twin.model import NotModelled
from dbtune.twin.session import Session
from dbtune.twin.standin import make_missing_collations, with_stand_in_types

_BATCH = 100
_STORAGE_VERSION = 160000  # from which CREATE TABLE takes it
_VIRTUAL_VERSION = 180000
_COLLATION = "collation "
_PLAIN_SERVER_NAME = "dbtune_foreign"
_PLAIN_SERVER = f"""
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER {_PLAIN_SERVER_NAME} FOREIGN DATA WRAPPER postgres_fdw;
GRANT USAGE ON FOREIGN SERVER {_PLAIN_SERVER_NAME} TO PUBLIC;
"""

# Foreign tables are planned, never read; file_fdw refuses an ordinary role any file.
_GRANT_WRAPPERS = """
DO $$ DECLARE wrapper name; BEGIN
  FOR wrapper IN SELECT fdwname FROM pg_foreign_data_wrapper LOOP
    EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO PUBLIC', wrapper);
  END LOOP;
END $$
"""


def load_schema(
    superuser: Session,
    owner: Session,
    snapshot: Snapshot,
    progress: Progress,
    *,
    holds_rows: bool = True,
) -> tuple[Snapshot, tuple[NotModelled, ...]]:
    """Create the snapshot's schema; returns it as it was loaded, and what could not be made.

    What fails is tried again after each later phase, until nothing more succeeds: functions and
    tables may need each other in either order.
    """
    missing = [*_make_extensions(superuser, snapshot), *_make_schemas(superuser, owner, snapshot)]
    path = ", ".join(map(quote_identifier, snapshot.search_path)) or "public"
    owner.execute(f"SET search_path = {path}".encode())
    owner.execute("SET check_function_bodies = off")
    owner.execute("SET client_min_messages = error")
    failed = _run_phases(owner, object_phases(snapshot), [])
    collations = [
        d.what.removeprefix(_COLLATION) for d, _ in failed if d.what.startswith(_COLLATION)
    ]
    missing += make_missing_collations(superuser, snapshot, collations)
    failed = [(d, words) for d, words in failed if not d.what.startswith(_COLLATION)]
    loaded, stand_ins = with_stand_in_types(superuser, snapshot)
    if owner.info.server_version < _VIRTUAL_VERSION:
        loaded = _with_stored_columns(loaded)
    holds_rows = holds_rows or owner.info.server_version < _STORAGE_VERSION
    phases = tuple(relation_phases(loaded, holds_rows=holds_rows))
    progress.stage("load schema", sum(map(len, phases)))
    failed = _run_phases(owner, phases, failed, progress)
    failed, plain = _make_plain_foreign_tables(superuser, owner, loaded, failed)
    stand_ins += plain
    told = (NotModelled(ddl.what, words, ddl.relation) for ddl, words in failed)
    return loaded, (*missing, *stand_ins, *told)


def _with_stored_columns(snapshot: Snapshot) -> Snapshot:
    """Virtual generated columns as stored ones, for a server that knows no others."""
    relations = (
        replace(
            relation,
            columns=tuple(
                replace(c, generated="s") if c.generated == "v" else c for c in relation.columns
            ),
        )
        for relation in snapshot.relations
    )
    return replace(snapshot, relations=tuple(relations))


def _make_plain_foreign_tables(
    superuser: Session, owner: Session, snapshot: Snapshot, failed: list[tuple[Ddl, str]]
) -> tuple[list[tuple[Ddl, str]], list[NotModelled]]:
    """Foreign tables whose wrapper is absent or wants options, as ones of postgres_fdw.

    Returns what still fails with them, and their notes. Nothing is ever read through them.
    """
    names = {ddl.relation for ddl, _ in failed if ddl.what.startswith("foreign table ")}
    lost = [r for r in snapshot.relations if r.kind == "f" and r.name in names]
    if not lost or _error_of(superuser, _PLAIN_SERVER) is not None:
        return failed, []
    others = [(d, words) for d, words in failed if not d.what.startswith("foreign table ")]
    plain = (replace(r, foreign_server=_PLAIN_SERVER_NAME, options=()) for r in lost)
    still = _run(owner, [table_ddl(r) for r in plain])
    unmade = {ddl.relation for ddl, _ in still}
    why = "planned as one of postgres_fdw, in place of its own foreign-data wrapper"
    notes = [
        NotModelled(f"foreign table {r.name}", why, r.name) for r in lost if r.name not in unmade
    ]
    return _settle(owner, [*still, *others]), notes


def _run_phases(
    owner: Session,
    phases: Iterable[Sequence[Ddl]],
    failed: list[tuple[Ddl, str]],
    progress: Progress | None = None,
) -> list[tuple[Ddl, str]]:
    for phase in phases:
        failed = _settle(owner, [*failed, *_run(owner, phase)])
        if progress:
            progress.step(len(phase))
    return failed


def _settle(session: Session, failed: list[tuple[Ddl, str]]) -> list[tuple[Ddl, str]]:
    """Try again while at least one statement succeeds."""
    while failed:
        left = _run(session, [ddl for ddl, _ in failed])
        if len(left) == len(failed):
            return left
        failed = left
    return []


def _run(session: Session, statements: Sequence[Ddl]) -> list[tuple[Ddl, str]]:
    """Run statements in order; returns those that failed. Batches first, for speed."""
    failed: list[tuple[Ddl, str]] = []
    for start in range(0, len(statements), _BATCH):
        batch = statements[start : start + _BATCH]
        if len(batch) > 1 and _error_of(session, "\n;\n".join(d.sql for d in batch)) is None:
            continue  # a batch is one transaction: nothing of a failed one stays
        for ddl in batch:
            words = _error_of(session, ddl.sql)
            if words is not None:
                failed.append((ddl, words))
    return failed


def _error_of(session: Session, sql: str) -> str | None:
    """None if the statement succeeds, else the first line of what the server said."""
    try:
        session.execute(sql.encode())
    except psycopg.Error as error:
        session.rollback()
        return error.diag.message_primary or str(error).strip().split("\n")[0]
    return None


def _make_extensions(superuser: Session, snapshot: Snapshot) -> list[NotModelled]:
    rows = superuser.execute("SELECT name FROM pg_available_extensions")
    available = {str(row[0]) for row in rows}
    missing = []
    for extension in snapshot.extensions:
        if extension.name == "plpgsql":
            continue
        if extension.name not in available:
            why = "this server does not have it"
            missing.append(NotModelled(f"extension {extension.name}", why))
            continue
        schema = quote_identifier(extension.schema)
        sql = "" if extension.schema == "pg_catalog" else f"CREATE SCHEMA IF NOT EXISTS {schema};"
        sql += (
            f"CREATE EXTENSION IF NOT EXISTS {quote_identifier(extension.name)}"
            f" SCHEMA {schema} CASCADE"
        )
        words = _error_of(superuser, sql)
        if words:
            missing.append(NotModelled(f"extension {extension.name}", words))
    for name in EXTENSION_OF_OPCLASS.values():
        if name in available and name in snapshot.installable_extensions:
            _error_of(superuser, f"CREATE EXTENSION IF NOT EXISTS {quote_identifier(name)}")
    _error_of(superuser, _GRANT_WRAPPERS)
    return missing


def _make_schemas(superuser: Session, owner: Session, snapshot: Snapshot) -> list[NotModelled]:
    names = {r.name.schema for r in snapshot.relations}
    identities = (o.identity for o in snapshot.objects if o.kind == "schema")
    names |= {i[1:-1].replace('""', '"') if i.startswith('"') else i for i in identities}
    names |= {e.schema for e in snapshot.extensions}
    missing = []
    for name in sorted(names - {"pg_catalog", "information_schema"}):
        role = quote_identifier(owner.info.user)
        schema = quote_identifier(name)
        words = _error_of(
            superuser,
            f"CREATE SCHEMA IF NOT EXISTS {schema};"
            f"ALTER SCHEMA {schema} OWNER TO {role};"
            f"GRANT ALL ON SCHEMA {schema} TO public",
        )
        if words:
            missing.append(NotModelled(f"schema {schema}", words))
    return missing
