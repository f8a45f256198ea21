"""The database that the user named: empty before, and empty again if filling it fails.

While rows are made, the schema `dbtune_unfinished` lists what was there before. If dbtune is
killed it stays, and the next run knows by it what to drop; so nothing half-made passes for whole.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection

from dbtune.errors import BadInput, CannotConnect
from dbtune.identifier import quote_identifier
from dbtune.snapshot.model import Snapshot

MARKER = "dbtune_unfinished"
_LOCK = 0x64627475  # "dbtu": held by the session that fills the database
_PATIENCE_MS = 10_000
_WITH_PATIENCE = 14

_SESSION = """
SELECT set_config(name, CASE vartype WHEN 'bool' THEN 'off' WHEN 'enum' THEN 'error' ELSE '0' END,
                  false)
FROM pg_settings WHERE name IN (
  'default_transaction_read_only', 'statement_timeout', 'lock_timeout', 'transaction_timeout',
  'idle_in_transaction_session_timeout', 'idle_session_timeout', 'client_min_messages')
"""

_RELATIONS = f"""
SELECT count(*), min(format('%I.%I', n.nspname, c.relname)) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '{MARKER}')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
"""

_OBJECTS = """
SELECT 'pg_extension'::regclass::oid AS classid, oid AS objid FROM pg_extension
UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
UNION ALL SELECT d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid
                  AND e.deptype = 'e')
"""

_MADE = f"""
SELECT format('DROP %s IF EXISTS %s CASCADE',
              CASE o.type WHEN 'statistics object' THEN 'statistics' ELSE o.type END, o.identity)
FROM ({_OBJECTS} EXCEPT SELECT classid, objid FROM {MARKER}.before) AS made,
  pg_identify_object(made.classid, made.objid, 0) AS o
WHERE o.identity <> '{MARKER}' AND o.identity NOT LIKE '{MARKER}.%'
ORDER BY o.type <> 'extension', o.type <> 'schema', o.type <> 'table', 1
"""


def prepare(session: Connection[Any], snapshot: Snapshot) -> bool:
    """Claim an empty database for this session; True if an earlier run's half-made one was dropped.

    Raises:
        BadInput: it is not empty, is read-only, is the source, or is being filled already.
    """
    _require_writable(session)
    session.execute(_SESSION.encode())
    name = quote_identifier(session.info.dbname)
    if session.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
        raise BadInput(f"Another dbtune is filling the database {name}.", "Wait until it is done.")
    if _is_source(session, snapshot):
        raise BadInput(
            f"The database {name} is the one that the snapshot was taken of.",
            "Name another one, or leave --into out for an embedded server.",
        )
    unfinished = _is_marked(session)
    if unfinished:
        _drop_made(session)
    _require_empty(session)
    with session.transaction():
        session.execute(f"CREATE SCHEMA {MARKER}".encode())
        session.execute(f"CREATE TABLE {MARKER}.before AS {_OBJECTS}".encode())
    return unfinished


def finish(session: Connection[Any]) -> None:
    """What was made is whole."""
    session.execute(f"DROP SCHEMA IF EXISTS {MARKER} CASCADE".encode())


def undo(session: Connection[Any], under_way: int) -> None:
    """Stop the session that was filling the database, and drop what it made.

    Raises:
        psycopg.Error: it could not be dropped; the next run will try again.
    """
    if session.info.server_version >= _WITH_PATIENCE * 10000:
        session.execute("SELECT pg_terminate_backend(%s, %s)", (under_way, _PATIENCE_MS))
    else:
        session.execute("SELECT pg_terminate_backend(%s)", (under_way,))
    session.execute(_SESSION.encode())
    if _is_marked(session):
        _drop_made(session)


def _require_writable(session: Connection[Any]) -> None:
    if session.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        raise BadInput(
            f"The server of {quote_identifier(session.info.dbname)} is a standby: nothing can be "
            "written there.",
            "Name a database of a primary server, or leave --into out for an embedded server.",
        )
    row = session.execute("SELECT has_database_privilege(current_database(), 'CREATE')").fetchone()
    if row != (True,):
        database, role = map(quote_identifier, (session.info.dbname, session.info.user))
        raise CannotConnect(
            f"The role {role} may not create schemas in {database}.",
            f"Run as an owner: ALTER DATABASE {database} OWNER TO {role}",
        )


def _require_empty(session: Connection[Any]) -> None:
    row = session.execute(_RELATIONS.encode()).fetchone()
    count, first = row or (0, None)
    if count:
        name = quote_identifier(session.info.dbname)
        raise BadInput(
            f"The database {name} is not empty: it holds {count} relations, {first} among them.",
            "Name an empty one (CREATE DATABASE …), or leave --into out for an embedded server.",
        )


def _is_source(session: Connection[Any], snapshot: Snapshot) -> bool:
    server = snapshot.server
    if server.system_identifier is None or server.database != session.info.dbname:
        return False
    try:
        row = session.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return False
    return row == (server.system_identifier,)


def _is_marked(session: Connection[Any]) -> bool:
    row = session.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{MARKER}.before",)).fetchone()
    return bool(row and row[0])


def _drop_made(session: Connection[Any]) -> None:
    """Drop what is there but was not before; what one statement drops, another need not find."""
    for (sql,) in session.execute(_MADE.encode()).fetchall():
        try:
            session.execute(str(sql).encode())
        except psycopg.errors.UndefinedObject:  # its schema or type went before it
            continue
    finish(session)
