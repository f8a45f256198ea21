"""One read-only transaction on the target, which survives a query that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from dbtune.collect import missing
from dbtune.collect.connect import Connection
from dbtune.collect.queries import names_in, query, union
from dbtune.snapshot.model import NotCollected

Row = dict[str, Any]
"""A row of a catalog query: its columns are named as the fields of the value it becomes."""

_ATTEMPTS = 3

# What a new transaction may not meet again: somebody's lock, and a relation dropped since the
# catalog was read ("could not open relation with OID …" is an internal error to the server).
_PASSING = (psycopg.errors.LockNotAvailable, psycopg.errors.InternalError_)


@dataclass
class Session:
    """Runs the catalog queries by name.

    After a failure the transaction is begun anew, so that the next query can run.
    """

    connection: Connection
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 200
    versions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    locked: tuple[int, ...] = ()
    may_read_files: bool = False
    not_collected: list[NotCollected] = field(default_factory=list)

    @property
    def role(self) -> str:
        return self.connection.info.user

    @property
    def major(self) -> int:
        return self.connection.info.server_version // 10000

    def begin(self) -> None:
        """Begin the transaction: its limits, then the list of what must not be waited for."""
        self.versions["server"] = (self.major,)
        limits = {
            "statement_timeout_ms": self.statement_timeout_ms,
            "lock_timeout_ms": self.lock_timeout_ms,
        }
        (row,) = self._execute(query("session", self.versions), limits)
        self.may_read_files = bool(row["may_read_files"])
        locked = self._execute(query("locked", self.versions), {})
        self.locked = tuple(row["oid"] for row in locked)

    def end(self) -> None:
        """End the transaction; there is nothing to commit."""
        self.connection.rollback()

    def rows(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        identifiers: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """The rows of `sql/NAME.sql`; `identifiers` stand for the `{words}` in it.

        What somebody locked or dropped meanwhile is stepped around: a new transaction sees it.

        Raises:
            psycopg.Error: the query failed; the session is usable again.
        """
        text = query(name, self.versions)
        if not identifiers:
            return self._rows(text, parameters or {})
        # A percent sign in a name is none of a parameter's.
        quoted = {k: sql.Identifier(v.replace("%", "%%")) for k, v in identifiers.items()}
        return self._rows(sql.SQL(text).format(**quoted), parameters or {})

    def rows_if_possible(
        self, name: str, what: str, parameters: Mapping[str, Any] | None = None
    ) -> list[Row]:
        """As `rows`; but a query that fails gives no rows and a NotCollected about `what`.

        Raises:
            psycopg.Error: the connection is lost.
        """
        try:
            return self.rows(name, parameters)
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            self.not_collected.append(missing.failed(what, error))
            return []

    def rows_in(self, folder: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of every query in `sql/FOLDER/`, in one go; one by one if that fails.

        Raises:
            psycopg.Error: the connection is lost.
        """
        names = names_in(folder)
        try:
            return self._rows(union(names, self.versions), parameters)
        except psycopg.Error:
            if self.connection.closed:
                raise
            whats = (name.rpartition("/")[2].replace("_", " ") for name in names)
            return [
                row
                for name, what in zip(names, whats, strict=True)
                for row in self.rows_if_possible(name, what, parameters)
            ]

    def _rows(self, text: str | sql.Composed, parameters: Mapping[str, Any]) -> list[Row]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._execute(text, {**parameters, "locked": list(self.locked)})
            except psycopg.Error as error:
                if self.connection.closed:
                    raise
                self.end()
                self.begin()
                if not isinstance(error, _PASSING) or attempt == _ATTEMPTS:
                    raise
        raise AssertionError("the loop returns or raises")

    def _execute(self, text: str | sql.Composed, parameters: Mapping[str, Any]) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall()


def utc_now() -> str:
    """This moment in ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
