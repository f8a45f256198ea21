"""The hard statements, and a database with the relations that they speak of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from psycopg.conninfo import make_conninfo

from dbtune.collect.collector import collect
from dbtune.snapshot.model import Snapshot
from tests.conftest import TestServer

HERE = Path(__file__).parent
HARD = HERE / "hard.yaml"


@dataclass(frozen=True)
class Hard:
    """A statement of hard.yaml.

    `found` is what `described` must say. `pg` tells which majors know the syntax. `sql` replaces
    the text where statistics show what is no SQL (`interval $1`). `columns` explains why the
    columns differ from those the server records: "pruned" (fewer: nothing reads a subquery's
    output) or "wider" (more: a whole row is read).
    """

    text: str
    found: list[str] = field(default_factory=list)
    pg: str = ""
    sql: str = ""
    columns: str = ""

    def runs_on(self, major: int) -> bool:
        return not self.pg or str(major) in SpecifierSet(self.pg)


def hard_statements() -> list[Hard]:
    entries: list[dict[str, Any]] = yaml.safe_load(HARD.read_text(encoding="utf-8"))
    return [Hard(**entry) for entry in entries]


@dataclass(frozen=True)
class HardDatabase:
    dsn: str
    major: int
    snapshot: Snapshot


@pytest.fixture(scope="session")
def hard_database(server: TestServer) -> Iterator[HardDatabase]:
    """The schema of the hard statements, without rows, and its snapshot."""
    name = f"hard_{os.getpid()}"
    dsn = make_conninfo(server.dsn, dbname=name)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(dsn, autocommit=True) as inside:
            inside.execute("CREATE EXTENSION pg_stat_statements")
            inside.execute((HERE / "schema.sql").read_bytes())
        yield HardDatabase(dsn, server.major, collect(dsn))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
