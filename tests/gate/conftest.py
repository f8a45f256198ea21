"""Production for the gate's tests: a real database of the session's server, snapshotted once."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.gate.sides import Base, plan_base
from dbtune.rules.load import load_rules
from dbtune.rules.model import Rule
from dbtune.snapshot.model import Snapshot
from dbtune.statement.workload_file import read_workload
from tests.conftest import TestServer

FOLDER = Path(__file__).parent
TODAY = date(2026, 3, 14)


@pytest.fixture(scope="session")
def production(server: TestServer) -> Snapshot:
    """The snapshot of production.sql's database with production_workload.sql's statements."""
    name = f"production_{os.getpid()}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    dsn = make_conninfo(server.dsn, dbname=name)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for sql in (FOLDER / "production.sql").read_text().split(";\n"):
                connection.execute(sql.encode())
        snapshot = collect(dsn)
    finally:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    statements = read_workload(FOLDER / "production_workload.sql")
    captured_at = f"{TODAY.isoformat()}T00:00:00Z"
    return replace(snapshot, statements=statements, captured_at=captured_at, not_collected=())


@pytest.fixture(scope="session")
def planned(production: Snapshot) -> Base:
    """Production's statements with their plans."""
    return plan_base(production)


@pytest.fixture(scope="session")
def rules() -> tuple[Rule, ...]:
    return load_rules()
