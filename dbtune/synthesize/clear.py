"""The database that rows go into: empty before, and empty again if making them fails."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from dbtune.errors import BadInput
from dbtune.identifier import quote_identifier

_RELATIONS = """
SELECT count(*), min(format('%I.%I', n.nspname, c.relname)) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
"""

_LEFT = """
SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname) FROM pg_extension
WHERE extname <> 'plpgsql'
UNION ALL
SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
UNION ALL
SELECT format('DROP %s IF EXISTS %I.%I CASCADE',
              CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                           WHEN 'f' THEN 'FOREIGN TABLE'
                           ELSE 'TABLE' END, 'public', relname)
FROM pg_class WHERE relnamespace = to_regnamespace('public')
  AND relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT format('DROP SEQUENCE IF EXISTS public.%I CASCADE', relname)
FROM pg_class WHERE relnamespace = to_regnamespace('public') AND relkind = 'S'
UNION ALL
SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
FROM pg_proc WHERE pronamespace = to_regnamespace('public')
UNION ALL
SELECT format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype) FROM pg_type
WHERE typnamespace = to_regnamespace('public') AND typtype IN ('d', 'e', 'r')
"""


def require_empty(session: Connection[Any]) -> None:
    """Refuse a database that holds any relation.

    Raises:
        BadInput: it names one of them.
    """
    row = session.execute(_RELATIONS.encode()).fetchone()
    count, first = row or (0, None)
    if count:
        name = quote_identifier(session.info.dbname)
        raise BadInput(
            f"The database {name} is not empty: it holds {count} relations, {first} among them.",
            "Name an empty one (CREATE DATABASE …), or leave --into out for an embedded server.",
        )


def clear(session: Connection[Any], under_way: int) -> None:
    """Drop all that was made in a database that was empty; stop the session that was making it."""
    session.execute("SELECT pg_terminate_backend(%s)", (under_way,))
    session.execute("SET client_min_messages = error")
    for (sql,) in session.execute(_LEFT.encode()).fetchall():
        session.execute(str(sql).encode())
