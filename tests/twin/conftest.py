"""Databases and twins that several tests share, since starting one takes a second."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin
from tests.conftest import TestServer

HERE = Path(__file__).parent
SHOP = """
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE "order" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customer,
    "placedAt" timestamptz NOT NULL,
    status text,
    total numeric(10, 2));
INSERT INTO customer (name) SELECT 'customer ' || i FROM generate_series(1, 2000) i;
INSERT INTO "order" (customer_id, "placedAt", status, total)
    SELECT 1 + i % 2000, timestamptz '2025-01-01' + i * interval '7 minutes',
        CASE WHEN i % 50 = 0 THEN 'lost' WHEN i % 5 > 0 THEN 'sent' END, i % 977
    FROM generate_series(1, 40000) i;
VACUUM ANALYZE;
"""
_numbers = itertools.count()


def statements_in(script: str) -> list[str]:
    """The statements of a script in which a semicolon at a line's end ends one."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [s.strip() for s in "\n".join(lines).split(";\n") if s.strip(" \n;")]


@pytest.fixture(scope="session")
def shop_dsn(server: TestServer) -> Iterator[str]:
    yield from new_database(server, SHOP)


@pytest.fixture(scope="session")
def everything_dsn(server: TestServer) -> Iterator[str]:
    yield from new_database(server, (HERE / "everything.sql").read_text())


@pytest.fixture(scope="session")
def shop(shop_dsn: str) -> Snapshot:
    return collect(shop_dsn)


@pytest.fixture(scope="session")
def shop_twin(shop: Snapshot) -> Iterator[Twin]:
    with open_twin(shop) as twin:
        yield twin


def new_database(server: TestServer, script: str) -> Iterator[str]:
    name = f"twin_{next(_numbers)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        dsn = make_conninfo(server.dsn, dbname=name)
        with psycopg.connect(dsn, autocommit=True) as inside:
            for statement in statements_in(script):
                inside.execute(statement.encode())
        yield dsn
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
