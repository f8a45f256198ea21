"""EXPLAIN (ANALYZE) on the target, for the one command that asks for it."""

from __future__ import annotations

import psycopg

from dbtune.collect.connect import connected
from dbtune.errors import BadInput
from dbtune.identifier import quote_identifier
from dbtune.plan import Plan, read_plan

_TIMEOUT_MS = 60_000


def explain_analyze(target: str | None, text: str, search_path: tuple[str, ...] = ()) -> Plan:
    """Run one statement on the target in a read-only transaction that is rolled back.

    Raises:
        BadInput: the statement writes, has parameters, takes over a minute, or is refused.
        CannotConnect: the server cannot be reached.
    """
    with connected(target) as connection:
        try:
            connection.execute(f"SET LOCAL statement_timeout = {_TIMEOUT_MS}".encode())
            if search_path:
                path = ", ".join(map(quote_identifier, search_path))
                connection.execute(f"SET LOCAL search_path = {path}".encode())
            # Prepared, so that the server refuses a second statement in the text.
            with connection.cursor(binary=False) as cursor:
                sql = f"EXPLAIN (ANALYZE, BUFFERS, VERBOSE, FORMAT JSON) {text}"
                row = cursor.execute(sql.encode(), prepare=True).fetchone()
        except psycopg.Error as error:
            words = error.diag.message_primary or str(error)
            raise BadInput(
                f"The target did not run the statement: {words}.",
                "--analyze runs statements that only read, with values in place of $1, $2 …",
            ) from error
        finally:
            connection.rollback()
    return read_plan(row[0] if row else None)
