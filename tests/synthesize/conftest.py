"""Fixtures: databases to fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbtune.progress import Silent
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.run import Synthesised, synthesise_into

Into = Callable[..., tuple[str, Synthesised]]


@pytest.fixture
def empty_database(make_database: Callable[..., str]) -> Callable[[], str]:
    """A function that makes a database with nothing in it."""

    def make() -> str:
        dsn = make_database()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP EXTENSION pg_stat_statements")
        return dsn

    return make


@pytest.fixture
def make_into(empty_database: Callable[[], str]) -> Into:
    """Synthesise a snapshot into a fresh database; returns its DSN and what was made."""

    def make(snapshot: Snapshot, **options: Any) -> tuple[str, Synthesised]:
        dsn = empty_database()
        return dsn, synthesise_into(dsn, snapshot, progress=Silent(), **options)

    return make


def ask(dsn: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()
