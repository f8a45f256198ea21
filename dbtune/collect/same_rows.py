"""Whether one statement returns the rows of a loop: both are run on a database that the user named.

Only reads are run, in transactions that are read-only, stopped after some seconds, and rolled back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import RawCursor, sql
from psycopg.pq import Format

from dbtune.collect.connect import Connection, connected
from dbtune.traffic import LoopRuns

_TIMEOUT_MS = 5_000


@contextmanager
def comparing(target: str) -> Iterator[SameRows]:
    """Compare on the database of a connection string.

    Raises:
        BadInput: `target` is no connection string, or the server is too old.
        CannotConnect: the server cannot be reached or refuses.
    """
    with connected(target) as connection:
        yield SameRows(connection)


class SameRows:
    """Compares loops with the statements that are to replace them; each pair once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[LoopRuns, bool | None] = {}

    def same_rows(self, loop: LoopRuns) -> bool | None:
        """True if both return the same rows; None if the server refuses the loop itself."""
        if loop not in self._known:
            self._known[loop] = self._compared(loop)
        return self._known[loop]

    def _compared(self, loop: LoopRuns) -> bool | None:
        runs = list(dict.fromkeys(loop.runs))
        found = self._rows([(loop.query, run) for run in runs])
        if found is None:
            return None
        given = [
            _array([run[number - 1] for run in runs])
            if number in loop.arrays
            else runs[0][number - 1]
            for number in loop.parameters
        ]
        at_once = self._rows([(loop.batch, given)], leads=loop.leads)
        return at_once == found

    def _rows(
        self, statements: Sequence[tuple[str, Sequence[str | None]]], leads: int = 0
    ) -> Counter[tuple[bytes | None, ...]] | None:
        """The rows of statements as the server wrote them; None if it refused one."""
        limit = sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(_TIMEOUT_MS))
        counts: Counter[tuple[bytes | None, ...]] = Counter()
        try:
            with (
                self._connection.transaction(force_rollback=True),
                RawCursor[Any](self._connection) as cursor,
            ):
                cursor.execute(limit)
                for text, values in statements:
                    cursor.execute(text.encode(), values, binary=False)
                    counts.update(_as_written(cursor, leads))
        except psycopg.Error:
            return None
        return counts


def _as_written(cursor: RawCursor[Any], leads: int) -> Iterator[tuple[bytes | None, ...]]:
    """The rows of the last statement in the server's own text form: any type compares."""
    result = cursor.pgresult
    if result is None or result.fformat(0) != Format.TEXT:
        return
    for row in range(result.ntuples):
        yield tuple(result.get_value(row, at) for at in range(leads, result.nfields))


def _array(values: Sequence[str | None]) -> str:
    """An array in the server's text form, of whatever type the statement takes."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: str | None) -> str:
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
