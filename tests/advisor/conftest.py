"""A database of two schemas, its twin, and the advisor asked about one statement at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.advice import Advice, CreateIndex
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.progress import Silent
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin
from dbtune.workload import Workload
from tests.conftest import TestServer

SCHEMA = """
CREATE EXTENSION pg_trgm;
CREATE TABLE account (
    id int PRIMARY KEY, email text NOT NULL, country text NOT NULL, plan text NOT NULL,
    created_at timestamptz NOT NULL, deleted_at timestamptz);
INSERT INTO account SELECT g, 'User' || g || '@example.org', 'c' || g % 40,
    (ARRAY['free', 'team', 'firm'])[1 + g % 3],
    timestamptz '2024-01-01' + g * interval '3 minutes',
    CASE WHEN g % 100 = 0 THEN timestamptz '2024-06-01' END FROM generate_series(1, 30000) g;
CREATE TABLE invoice (
    id bigint PRIMARY KEY, account_id int NOT NULL REFERENCES account, state text NOT NULL,
    kind int NOT NULL, amount numeric NOT NULL, issued_on date NOT NULL,
    created_at timestamptz NOT NULL, priority int NOT NULL, is_disputed boolean NOT NULL,
    note text, doc jsonb NOT NULL, tags text[] NOT NULL, period tstzrange NOT NULL,
    search tsvector NOT NULL);
INSERT INTO invoice SELECT g, 1 + (g * 7919) % 30000,
    CASE WHEN g % 500 = 0 THEN 'failed' WHEN g % 3 = 0 THEN 'open' ELSE 'paid' END,
    (g * 31) % 50, (g * 17) % 10007, date '2020-01-01' + (g / 50),
    timestamptz '2020-01-01' + g * interval '29 minutes', (g * 13) % 1000, g % 300 = 0,
    md5(g::text) || ' ' || md5((g * 3)::text) || repeat(' filler', 10),
    jsonb_build_object('ref', 'r' || g, 'kind', g % 2000, 'list', jsonb_build_array(g % 700)),
    ARRAY['t' || g % 900, 'u' || g % 1100],
    tstzrange(timestamptz '2020-01-01' + g * interval '29 minutes',
              timestamptz '2020-01-01' + g * interval '29 minutes' + interval '1 day'),
    to_tsvector('simple', 'word' || g % 3000 || ' other' || g % 17)
FROM generate_series(1, 60000) g;
CREATE INDEX invoice_kind_idx ON invoice (kind, priority);
CREATE TABLE currency (code text PRIMARY KEY, name text, rate numeric);
INSERT INTO currency SELECT 'C' || g, 'n' || g, g FROM generate_series(1, 60) g;
CREATE TABLE place (code character(12) PRIMARY KEY, name text NOT NULL);
INSERT INTO place SELECT 'P' || g, 'n' || g FROM generate_series(1, 20000) g;
CREATE TABLE measure (at timestamptz NOT NULL, sensor int NOT NULL, value float8 NOT NULL);
INSERT INTO measure SELECT timestamptz '2024-01-01' + g * interval '1 second', g % 500,
    random() FROM generate_series(1, 1000000) g;
CREATE TABLE event (id bigint NOT NULL, at date NOT NULL, actor int NOT NULL, verb text)
    PARTITION BY RANGE (at);
CREATE TABLE event_a PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE event_b PARTITION OF event FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
INSERT INTO event SELECT g, date '2024-01-01' + g % 365, (g * 7919) % 20000, 'v' || g % 5
    FROM generate_series(1, 60000) g;
CREATE TABLE parcel (a int NOT NULL, b int NOT NULL, c int NOT NULL, d date NOT NULL, e text);
INSERT INTO parcel SELECT g, g % 200, (g * 31) % 700, date '2024-01-01' + g % 365, md5(g::text)
    FROM generate_series(1, 25000) g;
CREATE TABLE "Box" (z int NOT NULL, y int NOT NULL, x int NOT NULL, w date NOT NULL, v text);
INSERT INTO "Box" SELECT * FROM parcel;
CREATE SCHEMA "Sales";
CREATE TABLE "Sales"."LeadFact" (
    "id" bigint PRIMARY KEY, "orgId" text NOT NULL, "enteredAt" timestamptz NOT NULL,
    "order" int NOT NULL, "payload" text);
INSERT INTO "Sales"."LeadFact" SELECT g, 'org' || g % 300,
    timestamptz '2023-01-01' + g * interval '7 minutes', (g * 7919) % 5000, repeat('x', 80)
    FROM generate_series(1, 60000) g;
"""

Ask = Callable[..., Advice]


@pytest.fixture(scope="session")
def advised(server: TestServer) -> Iterator[tuple[Snapshot, Twin]]:
    """The snapshot of the schema above, and its twin."""
    name = "advised"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    dsn = make_conninfo(server.dsn, dbname=name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        # VACUUM marks no page all-visible before the commit that filled it is on disk.
        connection.execute("SET synchronous_commit = on")
        connection.execute(SCHEMA.encode())
        connection.execute("VACUUM ANALYZE")
    snapshot = collect(dsn)
    with open_twin(snapshot) as twin:
        yield snapshot, twin
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def workload_of(snapshot: Snapshot, twin: Twin | None, *texts: str | tuple[str, int]) -> Workload:
    """A workload of statements, each called once or as often as said."""
    from dataclasses import replace  # noqa: PLC0415

    pairs = [(t, 1) if isinstance(t, str) else t for t in texts]
    statements = tuple(StatementStatistics(text, calls, source="file") for text, calls in pairs)
    return assemble_workload(replace(snapshot, statements=statements), twin, Scope(), Silent())


@pytest.fixture(scope="session")
def ask(advised: tuple[Snapshot, Twin]) -> Ask:
    """The advice on a workload of one or several statements."""
    snapshot, twin = advised

    def advice(*texts: str | tuple[str, int], **options: object) -> Advice:
        workload = workload_of(snapshot, twin, *texts)
        return advise(workload, twin, AdvisorOptions(**options))  # type: ignore[arg-type]

    return advice


def created(advice: Advice) -> list[str]:
    """The indexes to create, as people read them."""
    return [str(r.change.spec) for r in advice.recommendations if isinstance(r.change, CreateIndex)]
