"""Going from before to after and back in a millisecond: indexes of our own server, hidden or shown.

An index whose pg_index row says neither live nor ready nor valid does not exist for planner and
executor: no plan uses it, no write maintains it, no update is kept from being heap-only by it.
That is only safe while every write is rolled back, and only done on servers of our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from psycopg import Connection, sql

State = Literal["before", "after"]


class Switch(Protocol):
    """Brings the database into one of the two states."""

    def enter(self, connection: Connection[Any], state: State) -> None:
        """Be in `state`, committed; as dear for one as for the other."""
        ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """The switch of a rewrite: the statements differ, the database does not."""

    def enter(self, connection: Connection[Any], state: State) -> None:
        """Change nothing."""


_SHOW = """
SET LOCAL allow_system_table_mods = on;
WITH wanted AS (
  SELECT i.indexrelid, i.indrelid, i.indexrelid = ANY({created}) = {after} AS shown
  FROM pg_index i WHERE i.indexrelid = ANY({created}) OR i.indexrelid = ANY({dropped})
), hidden_or_shown AS (
  UPDATE pg_index i SET indisvalid = w.shown, indisready = w.shown, indislive = w.shown
  FROM wanted w WHERE w.indexrelid = i.indexrelid
)
UPDATE pg_class c SET relname = relname
WHERE c.oid IN (SELECT indrelid FROM wanted)
"""
"""The second update changes nothing but tells every session to read the relation's indexes anew."""


@dataclass(frozen=True, slots=True)
class HiddenIndexes:
    """Oids of indexes that exist only after the change (`created`) or only before (`dropped`)."""

    created: tuple[int, ...]
    dropped: tuple[int, ...] = ()

    def enter(self, connection: Connection[Any], state: State) -> None:
        """Show what belongs to the state, hide the rest."""
        # One message, and so one transaction and one journey.
        query = sql.SQL(_SHOW).format(
            created=_oids(self.created), dropped=_oids(self.dropped), after=state == "after"
        )
        connection.execute(query)


def _oids(oids: Sequence[int]) -> sql.Composable:
    return sql.SQL("{}::oid[]").format(list(oids))


@dataclass(frozen=True, slots=True)
class ExistingIndex:
    """An index as the catalog has it."""

    oid: int
    name: str
    relation: str
    definition: str
    size_bytes: int


def indexes_of(connection: Connection[Any]) -> tuple[ExistingIndex, ...]:
    """All indexes of user relations; names are qualified and quoted."""
    rows = connection.execute(
        "SELECT /* dbtune */ i.indexrelid::int8, format('%I.%I', n.nspname, c.relname), "
        "  i.indrelid::regclass::text, pg_get_indexdef(i.indexrelid), pg_relation_size(c.oid) "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' "
        "ORDER BY i.indexrelid"
    ).fetchall()
    return tuple(ExistingIndex(*row) for row in rows)


def created_between(
    earlier: Sequence[ExistingIndex], later: Sequence[ExistingIndex]
) -> tuple[ExistingIndex, ...]:
    """The indexes that the later reading has and the earlier has not."""
    known = {i.oid for i in earlier}
    return tuple(i for i in later if i.oid not in known)
