"""From what the user calls a TARGET to an open, read-only connection, or a clear refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import set_json_loads

from dbtune.errors import BadInput, CannotConnect

Connection = psycopg.Connection[Any]

_OLDEST = 13


@contextmanager
def connected(target: str | None, *, timeout_s: int = 10) -> Iterator[Connection]:
    """A connection whose transactions are REPEATABLE READ READ ONLY.

    Args:
        target: a libpq URI, `key=value` words, or nothing: PG* variables, pg_service.conf and
            ~/.pgpass decide, as for psql.
        timeout_s: how long to wait for the server to answer at first.

    Raises:
        BadInput: `target` is no connection string, or the server is older than 13.
        CannotConnect: the server cannot be reached or refuses.
    """
    with open_connection(target, timeout_s=timeout_s) as connection:
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            _take_any_bytes(connection)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.prepare_threshold = None  # a pooler may hand us another server each time
        major = connection.info.server_version // 10000
        if major < _OLDEST:
            raise BadInput(
                f"The server is PostgreSQL {major}; dbtune reads {_OLDEST} and newer.",
                "Upgrade the server: PostgreSQL 12 and older get no more fixes.",
            )
        yield connection


def open_connection(
    target: str | None, *, timeout_s: int = 10, autocommit: bool = False
) -> Connection:
    """A connection to what the user named, with nothing set but its application name.

    Raises:
        BadInput: `target` is no connection string.
        CannotConnect: the server cannot be reached or refuses.
    """
    parameters = _parameters(target or "")
    parameters.setdefault("connect_timeout", str(timeout_s))
    parameters.update(application_name="dbtune", client_encoding="UTF8")
    try:
        return psycopg.connect(**parameters, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise _refusal(error, parameters) from None


def _take_any_bytes(connection: Connection) -> None:
    """A SQL_ASCII server stores any bytes and refuses to call them UTF-8; LATIN1 takes them all."""
    connection.execute("SET client_encoding TO LATIN1")
    connection.commit()
    set_json_loads(_json_of_latin1, connection)


def _json_of_latin1(text: str | bytes) -> Any:
    return json.loads(text if isinstance(text, str) else text.decode("latin-1"))


def _parameters(target: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(target))
    except psycopg.ProgrammingError:
        # libpq's message repeats the words of the string, and one of them may be the password.
        raise BadInput(
            "The target is not a connection string that libpq understands.",
            "Write postgresql://user@host/database, or host=… dbname=…, or service=…, or name a "
            "snapshot file.",
        ) from None


def _refusal(error: psycopg.OperationalError, parameters: dict[str, Any]) -> CannotConnect:
    said = " ".join(str(error).split()).removeprefix("connection is bad: ")
    said = re.sub(r" Is the server running .*?\?", "", said)  # the remedy asks it too
    password = parameters.get("password")
    if password:
        said = said.replace(password, "***")
    return CannotConnect(f"Cannot connect: {said.rstrip('.')}.", _remedy(said))


def _remedy(said: str) -> str:
    remedies = {
        "password authentication failed": "Check the user, and its password in PGPASSWORD or "
        "~/.pgpass.",
        "no password supplied": "Put the password into PGPASSWORD or ~/.pgpass.",
        "does not exist": "List the databases with: psql --list",
        "permission denied for database": "Run as an owner: GRANT CONNECT ON DATABASE … TO …",
        "pg_hba.conf": "Allow this host, user and database in the server's pg_hba.conf.",
        "resolve host": "Check the spelling of the host.",
        "Connection refused": "Check host and port, and that the server runs: pg_isready -h …",
        "No such file or directory": "Check host and port, and that the server runs: pg_isready",
        "timeout expired": "Check host, port and firewall: pg_isready -h …",
        "too many": "Wait for a free connection, or raise max_connections.",
        "definition of service": "Check pg_service.conf and PGSERVICEFILE.",
    }
    return next((r for words, r in remedies.items() if words in said), "Try the same with psql.")
