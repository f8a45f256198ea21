"""The database to measure on: is it the one that nobody may disturb?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Protocol

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from dbtune.errors import BadInput, CannotConnect


class Analysed(Protocol):
    """The database that an analysis is of, as a report or a snapshot names it."""

    @property
    def database(self) -> str: ...

    @property
    def system_identifier(self) -> str | None: ...


def connect_to_bench(dsn: str) -> Connection[Any]:
    """A session that may write, in autocommit.

    Raises:
        BadInput: not a connection string.
        CannotConnect: the server cannot be reached or refuses; no password is repeated.
    """
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(dsn))
    except psycopg.ProgrammingError:
        raise BadInput(
            "--on is not a connection string that libpq understands.",
            "Write postgresql://user@host/database or key=value words.",
        ) from None
    parameters.setdefault("connect_timeout", "10")
    parameters.setdefault("application_name", "dbtune bench")
    try:
        connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        password = parameters.get("password")
        said = said.replace(str(password), "***") if password else said
        raise CannotConnect(f"Cannot connect: {said}.", "Try the same with psql.") from None
    # What is measured is not the database's workload: a later reading would weigh it as such.
    # Not every role may say so.
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute("SET pg_stat_statements.track = none")
    return connection


def refuse_production(
    connection: Connection[Any], analysed: Analysed | None, known_as: str | None
) -> None:
    """Stop before anything is done to a server that somebody may be working on.

    Args:
        connection: to the database to measure on.
        analysed: the analysis that is measured, where there is one.
        known_as: the name by which the user confirms that this one may be used.

    Raises:
        BadInput: it looks like production and the user did not confirm it by its name.
    """
    name = connection.info.dbname
    if known_as == name:
        return
    reasons = [*_likeness(connection, analysed), *_signs(connection)]
    if reasons:
        raise BadInput(
            f"The database {name} looks like one that is in use: {'; '.join(reasons)}. "
            "A benchmark would load it and change its indexes.",
            f"Name a clone, or say --i-know-this-is {name}.",
        )


def _likeness(connection: Connection[Any], analysed: Analysed | None) -> Iterator[str]:
    """A dump restored elsewhere keeps the database's name; its cluster has a number of its own."""
    if analysed is None or analysed.database != connection.info.dbname:
        return
    row = connection.execute(
        "SELECT /* dbtune */ "
        "CASE WHEN has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') "
        "THEN (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) END"
    ).fetchone()
    cluster = row[0] if row else None
    if cluster is None or analysed.system_identifier is None:
        yield "it has the name of the database that was analysed"
    elif cluster == analysed.system_identifier:
        yield "it is the database that was analysed, or a physical copy of its server"


def _signs(connection: Connection[Any]) -> Iterator[str]:
    row = connection.execute(
        "SELECT /* dbtune */ "
        "       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "          AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
        "          AND application_name NOT LIKE 'dbtune%'), "
        "       (SELECT count(*) FROM pg_stat_replication), pg_is_in_recovery()"
    ).fetchone()
    sessions, replicas, is_standby = row or (0, 0, False)
    if sessions:
        yield f"{sessions} other sessions are connected to it"
    if replicas:
        yield f"{replicas} replicas follow it"
    if is_standby:
        yield "it is a standby and takes no changes"
