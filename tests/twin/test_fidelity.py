"""The twin's plans against the target's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan, read_plan
from dbtune.pricing import Hypothetical
from dbtune.server.binaries import Binaries
from dbtune.snapshot.catalog import IndexKey
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from dbtune.twin.text import plannable
from dbtune.twin.twin import open_twin
from tests.conftest import TestServer, find_binaries
from tests.twin.conftest import HERE, new_database, statements_in


@dataclass(frozen=True)
class Comparison:
    text: str
    same_tree: bool
    ratio: float


def plan_of(connection: psycopg.Connection, text: str) -> Plan | None:
    """The target's own plan; None where it makes none."""
    generic = "GENERIC_PLAN, " if connection.info.server_version >= 160000 else ""
    sql = f"EXPLAIN ({generic}VERBOSE, FORMAT JSON) {plannable(text)}"
    result = connection.pgconn.exec_(sql.encode())
    value = result.get_value(0, 0) if result.ntuples else None
    if value is None or b'"Plan"' not in value:
        return None
    return read_plan(json.loads(value))


def comparisons(
    dsn: str, binaries: Binaries | None = None, statements: str = "everything_statements.sql"
) -> list[Comparison]:
    texts = statements_in((HERE / statements).read_text())
    found = []
    with (
        psycopg.connect(dsn, autocommit=True) as target,
        open_twin(collect(dsn), binaries=binaries) as twin,
    ):
        for text in texts:
            if target.info.server_version < 160000 and "$" in text:
                continue  # no GENERIC_PLAN to compare with
            wanted, planned = plan_of(target, text), twin.plan(text)
            if wanted is None:
                assert not isinstance(planned, Plan)
                continue
            assert isinstance(planned, Plan), f"{text}: {planned.reason}"
            ratio = planned.total_cost / wanted.total_cost if wanted.total_cost else 1.0
            found.append(Comparison(text, wanted.signature == planned.signature, ratio))
    return found


@pytest.mark.pg("== 18")
def test_every_plan_is_the_targets(everything_dsn: str) -> None:
    found = comparisons(everything_dsn)
    assert len(found) > 80
    assert [c for c in found if not c.same_tree or abs(c.ratio - 1) > 0.01] == []


@pytest.mark.pg("== 18")
def test_every_plan_is_that_of_a_target_that_has_lived(make_database: Callable[..., str]) -> None:
    dsn = make_database(*statements_in((HERE / "lived.sql").read_text()))
    found = comparisons(dsn, statements="lived_statements.sql")
    assert len(found) > 15
    assert [c for c in found if not c.same_tree or abs(c.ratio - 1) > 0.001] == []


@pytest.mark.pg(">= 18")
def test_not_null_that_is_not_valid_proves_nothing(make_database: Callable[..., str]) -> None:
    dsn = make_database(
        "CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID"
    )
    with open_twin(collect(dsn)) as twin:
        plan = twin.plan("SELECT * FROM t WHERE a IS NULL")
    assert isinstance(plan, Plan)
    assert plan.root.node_type == "Seq Scan"


@pytest.mark.pg("< 18")
def test_plans_of_an_older_server_are_close(everything_dsn: str) -> None:
    found = comparisons(everything_dsn)
    assert len(found) > 50
    assert sum(c.same_tree for c in found) >= 0.93 * len(found)
    assert sum(abs(c.ratio - 1) <= 0.01 for c in found) >= 0.80 * len(found)


def own_programs(server: TestServer) -> Binaries:
    """Server programs of the target's major version, for the twin to plan with."""
    binaries = find_binaries(server.major)
    if binaries is None:
        pytest.skip(f"no server programs of PostgreSQL {server.major} on this machine")
    return binaries


@pytest.mark.pg("< 18")
def test_every_plan_of_an_older_server_on_its_own_programs(
    server: TestServer, everything_dsn: str
) -> None:
    """All that may differ are estimates on ranges, which pg_stats shows from 17 on."""
    found = comparisons(everything_dsn, own_programs(server))
    assert len(found) > 50
    differing = [c.text for c in found if not c.same_tree or abs(c.ratio - 1) > 0.01]
    assert [text for text in differing if "during" not in text] == []


@pytest.mark.pg("< 18")
def test_candidates_are_priced_on_older_programs(
    server: TestServer, shop_dsn: str, shop: Snapshot
) -> None:
    order = QualifiedName("public", "order")
    specs = (
        IndexSpec(order, (column_key("customer_id"), column_key("placedAt"))),
        IndexSpec(order, (IndexKey(None, "upper(status)"),)),
    )
    with (
        open_twin(shop, binaries=own_programs(server)) as twin,
        psycopg.connect(shop_dsn) as target,  # never committed
    ):
        plain, computed = twin.suppose(specs)
        assert isinstance(plain, Hypothetical)
        assert isinstance(computed, Hypothetical)
        text = "SELECT * FROM \"order\" WHERE upper(status) = 'LOST'"
        planned = twin.plan(text, show=[computed.name])
        text = 'SELECT * FROM "order" WHERE customer_id = 7'
        found = twin.plan(text, show=[plain.name])
        target.execute(plain.spec.ddl("built").encode())
        size = target.execute("SELECT pg_relation_size('built')").fetchone()
        wanted = plan_of(target, text)
    assert isinstance(planned, Plan)
    assert planned.root.plan_rows == pytest.approx(40000 / 50, rel=0.3)
    assert isinstance(found, Plan)
    assert wanted is not None
    assert size is not None
    assert plain.size_bytes == pytest.approx(size[0], rel=0.15)
    assert found.signature.replace(plain.name, "built") == wanted.signature
    assert found.total_cost == pytest.approx(wanted.total_cost, rel=0.01)


@pytest.mark.pg(">= 18")
def test_odd_names_and_objects_are_all_modelled(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database(*statements_in((HERE / "odd.sql").read_text())))
    with open_twin(snapshot) as twin:
        assert twin.not_modelled == ()
        plans = [twin.plan(f"SELECT * FROM {r.name.sql}") for r in snapshot.relations]
    assert [p for p in plans if not isinstance(p, Plan)] == []


@pytest.mark.pg(">= 18")
def test_virtual_columns_are_planned_on_older_programs(make_database: Callable[..., str]) -> None:
    binaries = find_binaries(17) or pytest.skip("no server programs of PostgreSQL 17")
    dsn = make_database(
        "CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)"
    )
    with open_twin(collect(dsn), binaries=binaries) as twin:
        plan = twin.plan("SELECT b FROM t WHERE a = $1")
    assert isinstance(plan, Plan)
    assert plan.indexes_used() == {"t_pkey"}


def test_target_of_another_major_is_told(shop_dsn: str) -> None:
    snapshot = collect(shop_dsn)
    with open_twin(snapshot) as twin:
        told = [n.what for n in twin.not_modelled if n.what.startswith("planner of")]
    assert bool(told) == (snapshot.server.major != 18)


def test_what_cannot_be_modelled_is_named_and_the_rest_still_planned(
    make_database: Callable[..., str],
) -> None:
    """A type of an extension that no server here has, as a dump of such a database would show."""
    snapshot = collect(
        make_database("CREATE TABLE place (id int PRIMARY KEY, shape text, name text)")
    )
    (place,) = snapshot.relations
    columns = tuple(
        replace(c, type="public.geometry(Point,4326)") if c.name == "shape" else c
        for c in place.columns
    )
    foreign = replace(snapshot, relations=(replace(place, columns=columns),))
    with open_twin(foreign) as twin:
        assert "type public.geometry" in [n.what for n in twin.not_modelled]
        served = twin.plan("SELECT id, shape FROM place WHERE id = $1")
        unserved = twin.plan("SELECT id FROM place WHERE shape && $1")
    assert isinstance(served, Plan)
    assert served.indexes_used() == {"place_pkey"}
    assert not isinstance(unserved, Plan)
    assert "operator does not exist" in unserved.reason


@pytest.mark.pg(">= 18")
def test_foreign_tables_of_other_wrappers_are_planned(make_database: Callable[..., str]) -> None:
    """One wants an option that only some roles may set, the other a wrapper that is absent."""
    snapshot = collect(
        make_database(
            "CREATE EXTENSION file_fdw",
            "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
            "CREATE FOREIGN TABLE passwd (line text) SERVER files OPTIONS (filename '/dev/null')",
            "CREATE VIEW lines AS SELECT line FROM passwd",
        )
    )
    (passwd,) = (r for r in snapshot.relations if r.kind == "f")
    other = replace(passwd, name=QualifiedName("public", "other"), foreign_server="oracle")
    with open_twin(replace(snapshot, relations=(*snapshot.relations, other))) as twin:
        plans = [twin.plan(f"SELECT * FROM {name} WHERE line = $1") for name in ("lines", "other")]
        told = {n.what for n in twin.not_modelled}
    assert {"foreign table passwd", "foreign table other"} <= told
    for plan in plans:
        assert isinstance(plan, Plan)
        assert plan.root.node_type == "Foreign Scan"


def test_table_of_terabytes_costs_no_time(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database("CREATE TABLE big (id bigint PRIMARY KEY, kind int)"))
    (big,) = snapshot.relations
    huge = replace(big, size_bytes=3 << 40, relpages=(3 << 40) // 8192, reltuples=3e10)
    with open_twin(replace(snapshot, relations=(huge,))) as twin:
        spec = IndexSpec(QualifiedName("public", "big"), (column_key("kind"),))
        (made,) = twin.suppose([spec])
        plan = twin.plan("SELECT count(*) FROM big")
    assert isinstance(made, Hypothetical)
    assert made.size_bytes > 100 << 30
    assert isinstance(plan, Plan)
    assert plan.total_cost > (3 << 40) / 8192


SIZED = """
CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist;
CREATE DOMAIN labels AS text[];
CREATE TABLE sized AS SELECT
    (ARRAY['open', 'paid', 'paid', 'void'])[1 + i % 4] AS state,
    CASE WHEN i % 9 = 0 THEN repeat('note ', i % 60) END AS note,
    md5(i::text) AS code, (i * 7919 % 30000) / 100.0 AS total,
    ARRAY['a' || i % 10, 'b' || i % 100, 'c' || i % 777]::labels AS labels
FROM generate_series(1, 30000) i;
VACUUM ANALYZE sized;
"""


@pytest.mark.parametrize(
    "keys",
    [
        "gin (state gin_trgm_ops)",
        "gin (labels)",
        "gist (state gist_trgm_ops)",
        "gist (note gist_trgm_ops)",
        "gist (note)",
        "gist (code gist_trgm_ops(siglen=40))",
        "gist (total, state)",
        "spgist (note)",
        "spgist (state)",
        "spgist (code)",
    ],
)
@pytest.mark.pg("== 18")
def test_size_of_a_candidate_is_that_of_the_index_built(sized: tuple[str, Twin], keys: str) -> None:
    dsn, twin = sized
    made = twin.suppose_ddl(f"CREATE INDEX ON sized USING {keys}")
    with psycopg.connect(dsn) as connection:
        connection.execute(f"CREATE INDEX built ON sized USING {keys}".encode())
        row = connection.execute("SELECT pg_relation_size('built')").fetchone()
        connection.rollback()
    assert row is not None
    assert made.size_bytes == pytest.approx(row[0], rel=0.25)


@pytest.fixture(scope="module")
def sized(server: TestServer) -> Iterator[tuple[str, Twin]]:
    """A database with columns that other access methods treat very differently, and its twin."""
    for dsn in new_database(server, SIZED):
        with open_twin(collect(dsn)) as twin:
            yield dsn, twin
