"""The database to measure on: is it the one that nobody may disturb?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from dbtune.errors import BadInput, CannotConnect


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
    return connection


def refuse_production(
    connection: Connection[Any], analysed_database: str | None, known_as: str | None
) -> None:
    """Stop before anything is done to a server that somebody may be working on.

    Args:
        connection: to the database to measure on.
        analysed_database: the name of the database that was analysed, where known.
        known_as: the name by which the user confirms that this one may be used.

    Raises:
        BadInput: it looks like production and the user did not confirm it by its name.
    """
    name = connection.info.dbname
    if known_as == name:
        return
    reasons = list(_signs(connection))
    if reasons:
        same = " It has the name of the database that was analysed." * (name == analysed_database)
        raise BadInput(
            f"The database {name} looks like one that is in use: {'; '.join(reasons)}.{same} "
            "A benchmark would load it and change its indexes.",
            f"Name a clone with --on, or say --i-know-this-is {name}.",
        )


def _signs(connection: Connection[Any]) -> Iterator[str]:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
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
