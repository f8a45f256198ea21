"""Before and after on a clone: what a state lacks is dropped in a transaction that is rolled back.

Dropping an index takes a millisecond until the transaction commits, which it never does. So both
states can alternate, only an owner's rights are needed, and whatever breaks the session brings the
indexes back: the server itself undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from dbtune.bench.switch import State


@dataclass(frozen=True, slots=True)
class RolledBackDrops:
    """Indexes that exist only after the change (`created`), or only before it (`dropped`).

    Names are qualified and quoted.
    """

    created: tuple[str, ...]
    dropped: tuple[str, ...] = ()

    def enter(self, connection: Connection[Any], state: State) -> None:
        """Begin a transaction in which the indexes of the other state are not there."""
        leave(connection)
        connection.execute("BEGIN")
        absent = self.created if state == "before" else self.dropped
        if absent:
            connection.execute(f"DROP INDEX {', '.join(absent)}".encode())


def leave(connection: Connection[Any]) -> None:
    """Have all indexes back."""
    if connection.info.transaction_status:
        connection.execute("ROLLBACK")
