"""How long a check takes: 500 statements, 20 migrations, relations of production's size."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import psycopg

from dbtune.collect import collect
from dbtune.gate.check import check
from dbtune.gate.migrations._script import script
from dbtune.gate.sides import CheckInput
from dbtune.rules.load import load_rules
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics

RELATIONS = 100
STATEMENTS = 500
MIGRATIONS = 20
BUDGET_S = 20.0


def main() -> None:
    snapshot = production()
    rules = load_rules()
    migrations = tuple(
        script(text, f"{n:04}.sql", in_transaction=False)
        for n, text in enumerate(migration_texts())
    )
    print(f"{'check':40} {'seconds':>8}  failures")
    for name, scripts in (("no migrations", ()), (f"{MIGRATIONS} migrations", migrations)):
        asked = CheckInput(base=snapshot, rules=rules, today=date(2026, 1, 1), scripts=scripts)
        begun = time.perf_counter()
        verdict = check(asked).verdict
        spent = time.perf_counter() - begun
        what = f"{len(snapshot.statements)} statements, {name}"
        print(f"{what:40} {spent:8.2f}  {len(verdict.failures)}")
        if spent > BUDGET_S:
            raise SystemExit(f"over the budget of {BUDGET_S} s")


def production() -> Snapshot:
    """A database of RELATIONS relations with STATEMENTS statements, sizes as if it were large."""
    with running_cluster(wheel_binaries()) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for n in range(RELATIONS):
                parent = f", parent_id bigint REFERENCES r{n - 1}" if n else ", parent_id bigint"
                connection.execute(
                    f"CREATE TABLE r{n} (id bigint PRIMARY KEY, a int, b text, c timestamptz"
                    f"{parent});"
                    f"CREATE INDEX ON r{n} (a, c); CREATE INDEX ON r{n} (parent_id);"
                    f"INSERT INTO r{n} SELECT g, g % 100, 'b' || g, now(), g"
                    f" FROM generate_series(1, 2000) g; ANALYZE r{n}".encode()
                )
        snapshot = collect(cluster.dsn())
    grown = tuple(
        replace(r, reltuples=r.reltuples * 1000, relpages=r.relpages * 1000,
                size_bytes=r.size_bytes * 1000)
        for r in snapshot.relations
    )  # fmt: skip
    texts = (
        "SELECT * FROM r{n} WHERE a = $1 AND c > $2 ORDER BY c LIMIT 20",
        "SELECT id FROM r{n} WHERE parent_id = $1",
        "SELECT x.id, y.b FROM r{n} x JOIN r{o} y ON y.id = x.parent_id WHERE x.a = $1 LIMIT 20",
        "UPDATE r{n} SET b = $1, a = a + 1 WHERE id = $2",
        "SELECT count(*) FROM r{n} WHERE b = $1 GROUP BY a",
    )
    statements = tuple(
        StatementStatistics(
            texts[n // RELATIONS].format(n=n % RELATIONS, o=(n + 1) % RELATIONS),
            calls=1000 + n,
            total_exec_ms=float(1000 + n),
        )
        for n in range(STATEMENTS)
    )
    return replace(snapshot, relations=grown, statements=statements)


def migration_texts() -> list[str]:
    texts = [
        "ALTER TABLE r{n} ADD COLUMN d int; CREATE INDEX CONCURRENTLY ON r{n} (d)",
        "DROP INDEX CONCURRENTLY r{n}_a_c_idx",
        "CREATE TABLE new{n} (id bigint PRIMARY KEY, r_id bigint REFERENCES r{n})",
        "ALTER TABLE r{n} ALTER COLUMN a TYPE bigint",
    ]
    return [texts[n % len(texts)].format(n=n) for n in range(MIGRATIONS)]


if __name__ == "__main__":
    main()
