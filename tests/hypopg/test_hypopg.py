"""HypoPG on a live server: it prices as the twin does, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.errors import BadInput
from dbtune.hypopg.engine import Hypopg, open_hypopg
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.options import AnalyzeOptions
from dbtune.pipeline import analyze
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, Rejected
from dbtune.server.binaries import Binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.twin.twin import open_twin
from tests.conftest import find_binaries
from tests.test_cli import assert_one_paragraph, dbtune

_DEBIAN_MAJOR = 15
_SCHEMA = """
CREATE SCHEMA tools; CREATE EXTENSION hypopg SCHEMA tools;
CREATE TABLE "Orders" (id int PRIMARY KEY, customer int, status text, total numeric, tags jsonb);
INSERT INTO "Orders" SELECT i, i % 5000, CASE WHEN i % 50 = 0 THEN 'open' ELSE 'done' END, i, '{}'
  FROM generate_series(1, 60000) AS i;
CREATE TABLE event (day date, kind int) PARTITION BY RANGE (day);
CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE event_new PARTITION OF event FOR VALUES FROM ('2020-02-01') TO ('2021-01-01');
INSERT INTO event SELECT '2020-01-01'::date + i % 60, i % 3000 FROM generate_series(1, 60000) AS i;
VACUUM ANALYZE;
"""
_ORDERS, _EVENT = QualifiedName("public", "Orders"), QualifiedName("public", "event")
_SPECS = {
    "customer": IndexSpec(_ORDERS, (column_key("customer"),)),
    "open": IndexSpec(_ORDERS, (column_key("total"),), predicate="status = 'open'"),
    "covering": IndexSpec(_ORDERS, (column_key("customer"),), included=("total",)),
    "kind": IndexSpec(_EVENT, (column_key("kind"),)),
}
_STATEMENTS = (
    ('SELECT * FROM "Orders" WHERE customer = $1', "customer"),
    ('SELECT total FROM "Orders" WHERE customer = $1', "covering"),
    ("SELECT * FROM \"Orders\" WHERE status = 'open' ORDER BY total LIMIT 10", "open"),
    ('UPDATE "Orders" SET status = $1 WHERE customer = $2', "customer"),
    ("SELECT * FROM event WHERE kind = $1", "kind"),
    ('SELECT sum(total) * $1 FROM "Orders" WHERE total > $2', "open"),
)


@pytest.fixture(scope="module")
def live(pytestconfig: pytest.Config) -> Iterator[str]:
    """A server with HypoPG: of the version under test, or of Debian's packages."""
    majors = (int(pytestconfig.getoption("--pg")), _DEBIAN_MAJOR)
    binaries = next((b for m in majors if (b := find_binaries(m)) and has_hypopg(b)), None)
    if binaries is None:
        pytest.skip(f"no server here has HypoPG: install postgresql-{_DEBIAN_MAJOR}-hypopg")
    with running_cluster(binaries) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement.encode())
        yield cluster.dsn()


@pytest.fixture(scope="module")
def snapshot(live: str) -> Snapshot:
    return collect(live)


@pytest.fixture(scope="module")
def hypopg(live: str, snapshot: Snapshot) -> Iterator[Hypopg]:
    with open_hypopg(live, snapshot) as engine:
        yield engine


def has_hypopg(binaries: Binaries) -> bool:
    return any((binaries.bindir.parent / "lib").rglob("hypopg.so"))


def left_behind(engine: Hypopg) -> int:
    connection = engine._connection
    row = connection.execute("SELECT count(*) FROM tools.hypopg()").fetchone()
    prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    connection.rollback()
    assert row is not None
    assert prepared is not None
    return int(row[0]) + int(prepared[0])


def test_the_twin_and_hypopg_choose_alike(hypopg: Hypopg, snapshot: Snapshot) -> None:
    with open_twin(snapshot) as twin:
        by_twin, by_hypopg = twin.suppose([*_SPECS.values()]), hypopg.suppose([*_SPECS.values()])
        for one, other in zip(by_twin, by_hypopg, strict=True):
            assert isinstance(one, Hypothetical)
            assert isinstance(other, Hypothetical)
            assert other.name == one.name
            assert other.size_bytes == pytest.approx(one.size_bytes, rel=0.02)
        for text, wanted in _STATEMENTS:
            name = _SPECS[wanted].default_name()
            before, after = hypopg.plan(text), hypopg.plan(text, show=[name])
            assert isinstance(before, Plan)
            assert isinstance(after, Plan)
            plain, shown = twin.plan(text), twin.plan(text, show=[name])
            assert isinstance(plain, Plan)
            assert isinstance(shown, Plan)
            assert before.signature == plain.signature, text
            assert before.total_cost == pytest.approx(plain.total_cost, rel=0.02)
            assert {n.node_type for n in after.root.walk()} == {
                n.node_type for n in shown.root.walk()
            }, text
            # HypoPG leaves out the descent from the root: less than half a unit.
            assert after.total_cost == pytest.approx(shown.total_cost, rel=0.05, abs=0.5), text
    assert left_behind(hypopg) == 0


def test_a_candidate_is_seen_only_where_it_is_shown(hypopg: Hypopg) -> None:
    hypopg.suppose([_SPECS["customer"]])
    text, name = _STATEMENTS[0][0], _SPECS["customer"].default_name()
    seen = hypopg.plan(text, show=[name])
    unseen = hypopg.plan(text)
    assert isinstance(seen, Plan)
    assert seen.indexes_used() == {name}
    assert isinstance(unseen, Plan)
    assert not unseen.indexes_used()
    assert unseen.total_cost > seen.total_cost


def test_a_generic_plan_shows_every_partition_that_a_value_may_meet(hypopg: Hypopg) -> None:
    spec = IndexSpec(_EVENT, (column_key("day"),))
    hypopg.suppose([spec])
    plan = hypopg.plan("SELECT * FROM event WHERE day = $1", show=[spec.default_name()])
    assert isinstance(plan, Plan)
    assert plan.scans(QualifiedName("public", "event_old"))
    assert plan.scans(QualifiedName("public", "event_new"))
    assert plan.indexes_used() == {spec.default_name()}


@pytest.mark.parametrize("method", ["gin", "spgist"])
def test_what_hypopg_cannot_model_is_rejected_with_its_words(hypopg: Hypopg, method: str) -> None:
    column = "tags" if method == "gin" else "status"
    spec = IndexSpec(_ORDERS, (column_key(column),), access_method=method)
    made = hypopg.suppose([spec, _SPECS["customer"]])
    assert isinstance(made[0], Rejected)
    assert f'"{method}" is not supported' in made[0].reason
    assert isinstance(made[1], Hypothetical)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT 1; DROP TABLE event", "several statements"),
        ("SELECT * FROM nowhere", "does not exist"),
        ("VACUUM event", "VACUUM has no plan"),
        ("SELECT kind / 0 FROM event WHERE day = 'never'", "invalid input syntax"),
    ],
)
def test_what_cannot_be_planned_says_why(hypopg: Hypopg, text: str, words: str) -> None:
    name = _SPECS["kind"].default_name()
    hypopg.suppose([_SPECS["kind"]])
    plan = hypopg.plan(text, show=[name])
    assert isinstance(plan, Unplanned)
    assert words in plan.reason
    assert left_behind(hypopg) == 0


def test_hiding_an_existing_index_is_refused_or_done(hypopg: Hypopg) -> None:
    text = 'SELECT * FROM "Orders" WHERE id = $1'
    plan = hypopg.plan(text, hide=['public."Orders_pkey"'])
    if isinstance(plan, Unplanned):
        assert "from version 1.4" in plan.reason
    else:
        assert not plan.indexes_used()


def test_analyze_advises_by_hypopg(live: str, tmp_path: Path) -> None:
    workload = tmp_path / "workload.sql"
    workload.write_text("-- calls: 1000\n" + _STATEMENTS[0][0] + ";\n")
    arguments = ["analyze", live, "--engine", "hypopg", "--workload", str(workload), "--json"]
    done = dbtune(*arguments, "--out", str(tmp_path / "out"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["meta"]["engine"] == "hypopg"
    assert "customer" in (tmp_path / "out" / "migration.up.sql").read_text()


def test_without_the_extension_the_command_to_run_is_told(database: str) -> None:
    snapshot = collect(database)
    with pytest.raises(BadInput, match="CREATE EXTENSION hypopg"), open_hypopg(database, snapshot):
        pass


def test_a_file_is_no_live_server(tmp_path: Path) -> None:
    done = dbtune("analyze", "a.dbtune", "--engine", "hypopg", cwd=tmp_path)
    assert_one_paragraph(done, 2, "live server")


def test_what_the_twin_lacks_is_told_with_its_share_and_the_engine_that_has_it(
    make_database: Callable[..., str],
) -> None:
    taken = collect(make_database("CREATE TABLE place (id int PRIMARY KEY, shape text)"))
    (place,) = taken.relations
    columns = tuple(
        replace(c, type="public.geometry(Point,4326)") if c.name == "shape" else c
        for c in place.columns
    )
    unserved = "SELECT id FROM place WHERE shape && $1"
    statements = (
        StatementStatistics(unserved, 10, total_exec_ms=300.0),
        StatementStatistics("SELECT id FROM place WHERE id = $1", 10, total_exec_ms=500.0),
        StatementStatistics("SELECT $1::int + 1", 10, total_exec_ms=200.0),
    )
    foreign = replace(taken, relations=(replace(place, columns=columns),), statements=statements)
    report = analyze(foreign, AnalyzeOptions()).report
    told = {n.what: n for n in report.not_examined}
    assert "--engine hypopg" in told[unserved].remedy
    assert "place hold 80.0 % of the workload" in told["type public.geometry"].reason
    assert report.not_examined_share == pytest.approx(0.3)
