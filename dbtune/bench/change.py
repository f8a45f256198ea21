"""The change that is measured: scripts up and down, and how they are carried out."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.bench.switch import ExistingIndex, HiddenIndexes, created_between, indexes_of
from dbtune.errors import BadInput
from dbtune.statement.script import split_script

_DROP = re.compile(
    r"drop\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?(.*?)(?:\s+(?:cascade|restrict))?\Z",
    re.IGNORECASE | re.DOTALL,
)
_SWITCHABLE = re.compile(
    r"(create\s+(?:unique\s+)?index|create\s+extension|drop\s+index|alter\s+index|set|reset|analyze|comment)\b"
    r"|do \$dbtune\$",  # what our own migrations ask or tidy on the way
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Change:
    """The statements that make the change, and those that unmake it (none: nobody knows how)."""

    up: tuple[str, ...]
    down: tuple[str, ...] = ()

    @property
    def is_switchable(self) -> bool:
        """True if it does no more than create and drop indexes."""
        return all(_SWITCHABLE.match(text) for text in self.up)


@dataclass(frozen=True, slots=True)
class IndexFact:
    """An index that the change makes or drops; `build_ms` is 0 for a dropped one."""

    name: str
    relation: str
    definition: str
    size_bytes: int
    created: bool
    build_ms: float = 0.0


def read_change(up: str, down: str = "") -> Change:
    """The change in two scripts.

    Raises:
        BadInput: the script holds no statement.
    """
    statements = split_script(up)
    if not statements:
        raise BadInput("The migration holds no statement.", "Name another file with --migration.")
    return Change(statements, split_script(down))


def prepare_switch(
    connection: Connection[Any], change: Change
) -> tuple[HiddenIndexes, tuple[IndexFact, ...]]:
    """Build the change's indexes on a server of ours, and hide instead of drop.

    Raises:
        BadInput: the server refuses a statement of the change.
    """
    earlier = indexes_of(connection)
    dropped: list[ExistingIndex] = []
    built: dict[int, float] = {}
    for text in change.up:
        drop = _DROP.match(text)
        named = _named_indexes(connection, drop[1], earlier) if drop else []
        if named:
            dropped += named
            continue
        known = indexes_of(connection)
        took_ms = run_statement(connection, text)
        built |= {i.oid: took_ms for i in created_between(known, indexes_of(connection))}
    created = created_between(earlier, indexes_of(connection))
    for relation in _with_expressions(connection, created):
        # Autovacuum would do that some day; until then plans do not know the expression's values.
        run_statement(connection, f"ANALYZE {relation}")
    switch = HiddenIndexes(tuple(i.oid for i in created), tuple(i.oid for i in dropped))
    return switch, index_facts(created, dropped, built)


def index_facts(
    created: Sequence[ExistingIndex],
    dropped: Sequence[ExistingIndex],
    build_ms: dict[int, float] | None = None,
) -> tuple[IndexFact, ...]:
    """What a report says of the indexes that a change makes and drops."""
    built = build_ms or {}
    return (
        *(
            IndexFact(i.name, i.relation, i.definition, i.size_bytes, True, built.get(i.oid, 0.0))
            for i in created
        ),
        *(IndexFact(i.name, i.relation, i.definition, i.size_bytes, False) for i in dropped),
    )


def run_statement(connection: Connection[Any], text: str) -> float:
    """Run one statement of a change as it stands; returns milliseconds.

    Raises:
        BadInput: the server refuses it.
    """
    begun = time.perf_counter()
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        if connection.closed:
            raise
        said = str(error).strip().splitlines()[0]
        shown = " ".join(text.split())[:120]
        raise BadInput(f"The change cannot be applied: {said} (in: {shown}).") from error
    return (time.perf_counter() - begun) * 1000


def _with_expressions(
    connection: Connection[Any], created: Sequence[ExistingIndex]
) -> tuple[str, ...]:
    """Relations that got an index on an expression."""
    rows = connection.execute(
        "SELECT /* dbtune */ DISTINCT indrelid::regclass::text FROM pg_index "
        "WHERE indexprs IS NOT NULL AND indexrelid = ANY(%s) ORDER BY 1",
        ([i.oid for i in created],),
    ).fetchall()
    return tuple(name for (name,) in rows)


def _named_indexes(
    connection: Connection[Any], names: str, existing: Sequence[ExistingIndex]
) -> list[ExistingIndex]:
    """The indexes of a DROP INDEX that were there before the change."""
    by_oid = {i.oid: i for i in existing}
    found = []
    for name in names.split(","):
        query = "SELECT /* dbtune */ to_regclass(%s)::oid::int8"
        row = connection.execute(query, (name.strip(),)).fetchone()
        if row and row[0] in by_oid:
            found.append(by_oid[row[0]])
    return found
