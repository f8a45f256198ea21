"""All rules on one database: their cures fit together, and the next analysis is silent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from dbtune.collect import collect
from dbtune.options import AnalyzeOptions
from dbtune.pipeline import Analysis, analyze
from dbtune.resources import rules_dir
from dbtune.snapshot.model import Snapshot, StatementStatistics
from tests.rules.harness import Step, migrate, run

TOWN = """
CREATE TABLE street (id int PRIMARY KEY, name text);
INSERT INTO street SELECT n, 'street ' || n FROM generate_series(1, 400) n;
CREATE TABLE house (
  id bigint PRIMARY KEY, street_id int REFERENCES street, "houseNo" int, built date, color text,
  is_listed boolean, owner text, UNIQUE (street_id, "houseNo", owner));
INSERT INTO house SELECT n, 1 + (hashint8(n) & 255), n, date '1900-01-01' + n % 40000, 'c' || n % 3,
    hashint8(n) % 2 = 0, md5(n::text)
  FROM generate_series(1, 50000) n;
CREATE INDEX house_street ON house (street_id);
CREATE INDEX house_street_no ON house (street_id, "houseNo");
CREATE INDEX house_street_no_again ON house (street_id, "houseNo");
CREATE INDEX house_built ON house (built, id);
CREATE INDEX house_listed ON house (is_listed);
CREATE TABLE "Meter" ("meterId" bigint, "houseId" bigint REFERENCES house, day date NOT NULL,
  used int) PARTITION BY RANGE (day);
CREATE TABLE "Meter_1" PARTITION OF "Meter" FOR VALUES FROM (MINVALUE) TO ('2030-01-01');
CREATE TABLE "Meter_2" PARTITION OF "Meter" FOR VALUES FROM ('2030-01-01') TO (MAXVALUE);
INSERT INTO "Meter" SELECT n, 1 + n % 50000, date '2029-07-01' + n % 365, n % 50
  FROM generate_series(1, 60000) n;
CREATE INDEX "Meter_1_house" ON "Meter_1" ("houseId");
CREATE TABLE permit (id bigint PRIMARY KEY, house_id bigint REFERENCES house ON DELETE CASCADE,
  code text);
INSERT INTO permit SELECT n, 1 + n % 50000, 'p' || n % 100 FROM generate_series(1, 30000) n;
"""

WORKLOAD = (
    ("SELECT * FROM house WHERE owner = $1", 5000, 6.0),
    ("SELECT * FROM house WHERE color = $1 AND built >= $2 ORDER BY built LIMIT 20", 900, 4.0),
    ('SELECT * FROM "Meter" WHERE "houseId" = $1 AND day >= $2', 800, 5.0),
    ("SELECT * FROM street WHERE id = $1", 90000, 0.02),
)


def town(make_database: Callable[..., str]) -> str:
    dsn = make_database(TOWN)
    run(
        dsn,
        [
            "VACUUM ANALYZE",
            Step("CREATE UNIQUE INDEX CONCURRENTLY permit_code ON permit (code)", fails=True),
            Step("SELECT * FROM house WHERE id = 7", times=120),
            Step("SELECT * FROM house WHERE built = '1950-01-01'", times=2),
        ],
    )
    return dsn


def seen(dsn: str) -> Analysis:
    """The analysis of a month's statistics."""
    snapshot = collect(dsn)
    since = datetime.fromisoformat(snapshot.captured_at) - timedelta(days=30)
    return analyze(_with_workload(snapshot, since.isoformat()))


def _with_workload(snapshot: Snapshot, since: str) -> Snapshot:
    return dataclasses.replace(
        snapshot,
        server=dataclasses.replace(snapshot.server, stats_reset_at=since),
        statements=tuple(
            StatementStatistics(sql, calls, total_exec_ms=calls * ms, mean_exec_ms=ms)
            for sql, calls, ms in WORKLOAD
        ),
    )


def test_a_rule_of_ones_own_has_thresholds_of_its_own(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    shipped = yaml.safe_load((rules_dir() / "unused-index.yaml").read_text())
    lax = {name: {"value": 0, "because": "a young server"} for name in shipped["params"]}
    own = shipped | {"id": "unused-already", "params": lax, "severity": "error"}
    (tmp_path / "unused-already.yaml").write_text(yaml.safe_dump(own))
    snapshot = collect(make_database("CREATE TABLE pot (id int); CREATE INDEX pot_id ON pot (id)"))
    options = AnalyzeOptions(rules_dir=tmp_path, engine="none")
    assert found(analyze(snapshot, options)) == {("unused-already", "pot_id")}
    without = AnalyzeOptions(rules_dir=tmp_path, engine="none", ignore=("unused-already",))
    assert found(analyze(snapshot, without)) == set()


def found(analysis: Analysis) -> set[tuple[str, str]]:
    return {(f.rule, f.subject.name) for f in analysis.report.findings}


def test_cures_fit_together(make_database: Callable[..., str]) -> None:
    dsn = town(make_database)
    before = seen(dsn)
    structural = {
        ("duplicate-index", "house_street_no_again"),
        ("invalid-index", "permit_code"),
        ("low-selectivity-index", "house_listed"),
        ("redundant-index", "house_street_no"),
        ("unindexed-foreign-key", "permit(house_id)"),
    }
    assert structural <= found(before)
    assert "house" in {s for r, s in found(before) if r == "sequential-scan-on-large-relation"}
    migrate(dsn, before.migration.up_steps)
    assert found(seen(dsn)) == set()
    migrate(dsn, before.migration.down_steps)
    assert found(seen(dsn)) == found(before) - {("invalid-index", "permit_code")}
