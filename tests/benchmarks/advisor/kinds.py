"""Kinds of statements: the advised index against the best by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg

from dbtune.advice import CreateIndex
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.index import IndexSpec
from dbtune.progress import Silent
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin
from tests.benchmarks.advisor import neighbours
from tests.benchmarks.advisor.budgets import SETTINGS

Kind = tuple[str, str, list[str]]
"""Its name, the statement, and sets of indexes by hand, each separated by semicolons."""

HEAD = ("kind", "without", "best by hand", "advised", "ratio", "index")

SCHEMA = """
CREATE EXTENSION pg_trgm;
CREATE TABLE shipment (
    id bigint PRIMARY KEY, customer_id int NOT NULL, carrier_id int NOT NULL, lane int NOT NULL,
    state text NOT NULL, created_at timestamptz NOT NULL, delivered_on date, weight int NOT NULL,
    deleted_at timestamptz, email text NOT NULL, label text NOT NULL, doc jsonb NOT NULL,
    tags text[] NOT NULL, score int NOT NULL);
INSERT INTO shipment SELECT g, (g::bigint * 7919) % 40000, (g * 31) % 400, (g * 13) % 900,
    CASE WHEN g % 2000 = 0 THEN 'lost' WHEN g % 5 = 0 THEN 'open' ELSE 'done' END,
    timestamptz '2020-01-01' + g * interval '2 minutes', date '2020-01-02' + g / 700,
    (g::bigint * 104729) % 50000, CASE WHEN g % 50 <> 0 THEN timestamptz '2024-01-01' END,
    'Name' || g || '@host' || g % 90, md5(g::text) || md5((g + 1)::text),
    jsonb_build_object('ref', 'r' || g, 'zone', g % 5000), ARRAY['a' || g % 3000, 'b' || g % 70],
    (g::bigint * 15485863) % 1000003
FROM generate_series(1, 1000000) g;
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, region int NOT NULL);
INSERT INTO customer SELECT g, 'customer ' || g, g % 5000 FROM generate_series(0, 39999) g;
CREATE SCHEMA depot;
CREATE TABLE depot.stock (id bigint PRIMARY KEY, sku text NOT NULL, amount int NOT NULL);
INSERT INTO depot.stock SELECT g, 's' || g % 200000, g FROM generate_series(1, 400000) g;
CREATE TABLE "AuditLog" ("id" bigint PRIMARY KEY, "actorId" int NOT NULL, "at" timestamptz);
INSERT INTO "AuditLog" SELECT g, (g::bigint * 7919) % 30000,
    timestamptz '2020-01-01' + g * interval '5 minutes' FROM generate_series(1, 400000) g;
"""

KINDS = [
    ("composite", "SELECT * FROM shipment WHERE customer_id = 77 AND created_at >= '2023-01-01'",
     ["shipment (customer_id, created_at)"]),
    ("order and limit", "SELECT * FROM shipment WHERE carrier_id = 7 ORDER BY created_at LIMIT 20",
     ["shipment (carrier_id, created_at)"]),
    ("three equalities",
     "SELECT * FROM shipment WHERE carrier_id = 31 AND lane = 13 AND state = 'open'",
     ["shipment (carrier_id, lane, state)"]),
    ("partial on a rare value", "SELECT * FROM shipment WHERE state = 'lost'",
     ["shipment (state) WHERE state = 'lost'"]),
    ("soft delete", "SELECT * FROM shipment WHERE deleted_at IS NULL AND customer_id = 50",
     ["shipment (customer_id) WHERE deleted_at IS NULL"]),
    ("lower()", "SELECT * FROM shipment WHERE lower(email) = 'name5@host5'",
     ["shipment (lower(email))"]),
    ("->>", "SELECT * FROM shipment WHERE doc ->> 'ref' = 'r77'", ["shipment ((doc ->> 'ref'))"]),
    ("date cast", "SELECT count(*) FROM shipment WHERE date_trunc('month', delivered_on::timestamp)"
     " = timestamp '2021-03-01' AND customer_id = 5", ["shipment (customer_id)"]),
    ("GIN jsonb", """SELECT * FROM shipment WHERE doc @> '{"zone": 77}'""",
     ["shipment USING gin (doc jsonb_path_ops)"]),
    ("GIN array", "SELECT * FROM shipment WHERE tags @> ARRAY['a77']",
     ["shipment USING gin (tags)"]),
    ("GIN trigram", "SELECT id FROM shipment WHERE label LIKE '%abcdef1%'",
     ["shipment USING gin (label gin_trgm_ops)"]),
    ("covering", "SELECT sum(weight) FROM shipment WHERE score BETWEEN 1000 AND 9000",
     ["shipment (score) INCLUDE (weight)"]),
    ("BRIN", "SELECT avg(weight) FROM shipment WHERE created_at BETWEEN '2021-01-01' AND"
     " '2021-03-01'", ["shipment (created_at)", "shipment USING brin (created_at)"]),
    ("DELETE", "DELETE FROM shipment WHERE score = 5", ["shipment (score)"]),
    ("UPDATE", "UPDATE shipment SET label = 'x' WHERE score = 6", ["shipment (score)"]),
    ("other schema", "SELECT * FROM depot.stock WHERE sku = 's7'", ["depot.stock (sku)"]),
    ("quoted names", """SELECT * FROM "AuditLog" WHERE "actorId" = 5 ORDER BY "at" DESC LIMIT 5""",
     ['"AuditLog" ("actorId", "at")']),
    ("$1 text", "SELECT * FROM shipment WHERE customer_id = $1 AND lane = $2",
     ["shipment (customer_id, lane)"]),
    ("foreign key join", "SELECT s.weight FROM customer c JOIN shipment s ON s.customer_id = c.id"
     " WHERE c.region = 7", ["shipment (customer_id) INCLUDE (weight)", "customer (region, id)"]),
    ("mixed-direction top N", "SELECT * FROM shipment ORDER BY weight DESC, created_at LIMIT 10",
     ["shipment (weight DESC, created_at)"]),
]  # fmt: skip


def rows() -> Iterator[tuple[object, ...]]:
    yield from _measured(SCHEMA, [(k, text, ["; ".join(all_of)]) for k, text, all_of in KINDS])
    yield from _measured(neighbours.SCHEMA, neighbours.KINDS, neighbours.SILENT)


def _measured(
    schema: str, kinds: Sequence[Kind], silent: Sequence[str] = ()
) -> Iterator[tuple[object, ...]]:
    with (
        running_cluster(wheel_binaries(), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        connection.execute(schema.encode())
        connection.execute("VACUUM ANALYZE")
        snapshot = collect(cluster.dsn())
        good = 0
        with open_twin(snapshot) as twin:
            for kind, text, by_hand in kinds:
                specs, _ = _advised(snapshot, twin, text)
                without = _cost(connection, text, [])
                best = min(_cost(connection, text, _ddl(sets)) for sets in by_hand)
                advised = _cost(connection, text, [spec.ddl(spec.default_name()) for spec in specs])
                good += advised <= 1.25 * best
                words = "; ".join(map(str, specs)) or "none"
                yield (
                    kind, f"{without:,.0f}", f"{best:,.1f}", f"{advised:,.1f}",
                    f"{advised / best:.2f}", words,
                )  # fmt: skip
            yield ("within 1.25 x", "", "", "", f"{good} of {len(kinds)}", "")
            answers = [(text, *_advised(snapshot, twin, text)) for text in silent]
            loud = [f"{text}: {specs or 'no reason'}" for text, specs, why in answers
                    if specs or not why]  # fmt: skip
            if silent:
                count = f"{len(silent) - len(loud)} of {len(silent)}"
                yield ("silent, with a reason", "", "", "", count, "; ".join(loud))


def _advised(snapshot: Snapshot, twin: Twin, text: str) -> tuple[list[IndexSpec], bool]:
    """The indexes for one statement, and whether a reason is told where there are none."""
    one = (StatementStatistics(text, 1, source="file"),)
    workload = assemble_workload(replace(snapshot, statements=one), twin, Scope(), Silent())
    advice = advise(workload, twin, AdvisorOptions())
    changes = [r.change for r in advice.recommendations]
    specs = [change.spec for change in changes if isinstance(change, CreateIndex)]
    return specs, any(d.statement and d.reason for d in advice.declined)


def _ddl(by_hand: str) -> list[str]:
    return [f"CREATE INDEX ON {body}" for body in by_hand.split("; ")]


def _cost(connection: psycopg.Connection, text: str, ddl: list[str]) -> float:
    """The planner's cost with indexes truly built; they are gone afterwards."""
    # VACUUM, which would update the visibility map, is not needed: an index changes no page.
    with connection.transaction(force_rollback=True):
        for statement in ddl:
            connection.execute(statement.encode())
        # An expression's statistics; without one, another sample would be another measure.
        expressions = "SELECT 1 FROM pg_index WHERE indexprs IS NOT NULL"
        if connection.execute(expressions).fetchone():
            for table in {d.split(" ON ", 1)[1].split(" ")[0] for d in ddl}:
                connection.execute(f"ANALYZE {table}".encode())
        words = "GENERIC_PLAN, " if "$1" in text else ""
        result = connection.pgconn.exec_(f"EXPLAIN ({words}FORMAT JSON) {text}".encode())
        row = result.get_value(0, 0)
        assert row, result.error_message
        return float(json.loads(row)[0]["Plan"]["Total Cost"])
