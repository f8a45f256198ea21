"""Synthesised databases keep keys, resemble their source, and come out the same each time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName
from dbtune.progress import Silent
from dbtune.redact import redact
from dbtune.snapshot.catalog import ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.room import require_room
from dbtune.synthesize.run import Synthesised, synthesise_into
from dbtune.synthesize.unit import Scale, units_of
from tests.conftest import TestServer
from tests.synthesize.conftest import ask
from tests.synthesize.distance import distances

HERE = Path(__file__).parent
SHOP = (HERE / "shop.sql").read_text(encoding="utf-8")
HARD = (HERE / "hard.sql").read_text(encoding="utf-8")

pytestmark = pytest.mark.pg(">= 15")


@pytest.fixture(scope="module")
def shop(server: TestServer) -> Iterator[Snapshot]:
    """The shop's snapshot."""
    name = f"shop_{os.getpid()}"
    statements, _, vacuum = SHOP.rpartition("VACUUM")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        dsn = make_conninfo(server.dsn, dbname=name)
        with psycopg.connect(dsn, autocommit=True) as inside:
            inside.execute(statements.encode())
            inside.execute(f"VACUUM{vacuum}".encode())
        yield collect(dsn)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def invalid_constraints(dsn: str) -> list[str]:
    rows = ask(dsn, "SELECT conname FROM pg_constraint WHERE NOT convalidated ORDER BY 1")
    return [name for (name,) in rows]


def content(dsn: str, relation: Relation) -> str:
    rows = ask(
        dsn, f"SELECT md5(string_agg(md5(t::text), '' ORDER BY ctid)) FROM {relation.name.sql} t"
    )
    return str(rows[0][0])


def test_the_shop_resembles_its_source(
    shop: Snapshot, make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    dsn, made = make_into(shop)
    again = collect(dsn)
    # Every key and foreign key of the shop is there, and the server has checked it.
    assert invalid_constraints(dsn) == []
    assert [n for n in made.notes if "constraint" in n.what or "index" in n.what] == []
    assert {c.definition for c in again.constraints} == {c.definition for c in shop.constraints}
    assert {i.definition for i in again.indexes} == {i.definition for i in shop.indexes}
    for relation in shop.relations:
        if relation.kind == "r":
            rows = again.relation_by_name[relation.name].reltuples
            assert rows == pytest.approx(relation.reltuples, rel=0.03), relation.name
    found = list(distances(shop, again))
    assert len(found) > 40
    assert median(d.worst for d in found) < 1.1
    far = {d.column: d for d in found if d.worst > 2}
    assert far == {}, "\n".join(map(repr, far.values()))


def test_a_redacted_snapshot_serves_as_well(
    shop: Snapshot, make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    source = redact(shop)
    dsn, made = make_into(source, scale=Scale(0.5))
    assert invalid_constraints(dsn) == []
    assert made.rows[QualifiedName("public", "member")] == 2500
    assert ask(dsn, "SELECT count(*) > 0 FROM event_q2") == [(True,)]
    found = list(distances(source, collect(dsn)))
    assert median(d.null_frac for d in found) < 0.02
    assert median(d.common for d in found) < 0.05


def test_the_same_seed_makes_the_same_rows(
    shop: Snapshot, make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    small = Scale(0.1, {"event": 0.05})
    first, _ = make_into(shop, scale=small, seed=7)
    second, _ = make_into(shop, scale=small, seed=7)
    other, _ = make_into(shop, scale=small, seed=8)
    tables = [r for r in shop.relations if r.kind == "r"]
    assert [content(first, r) for r in tables] == [content(second, r) for r in tables]
    assert content(first, tables[1]) != content(other, tables[1])


def test_sequences_go_on_after_the_rows(
    shop: Snapshot, make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    dsn, _ = make_into(shop, scale=Scale(0.1))
    with psycopg.connect(dsn) as connection:
        made = connection.execute(
            "INSERT INTO event (at, tenant_id, kind) VALUES (now(), 1, 'view') RETURNING id"
        ).fetchone()
        assert made is not None
        assert connection.execute("SELECT count(*) FROM event WHERE id >= %s", made).fetchone() == (
            1,
        )


def hard(make_database: Callable[..., str]) -> Snapshot:
    """Statistics that contradict constraints, relations without any, and rows that are claimed."""
    source = collect(
        make_database(
            "CREATE EXTENSION btree_gist; CREATE TYPE mood AS ENUM ('glad', 'sad')",
            HARD,
            "INSERT INTO twisted SELECT n, n, 'abc', n FROM generate_series(1, 1000) n",
            "ANALYZE twisted",
        )
    )
    rows = {
        "child_of_empty": 500.0, "never_analysed": 800.0, "range_unseen": 300.0,
        "list_unseen": 300.0, "booking": 400.0, "audited": 200.0, 'Odd "Name': 300.0,
    }  # fmt: skip

    def claimed(relation: Relation) -> Relation:
        if relation.name.name in rows:
            count = rows[relation.name.name]
            return replace(relation, reltuples=count, relpages=10, size_bytes=81920)
        if relation.name.name != "twisted":
            return relation
        half_null = ColumnStatistics(False, 0.5, 4, -1.0, ("1", "oops", "NaN"), (0.4, 0.4, 0.4))
        columns = tuple(replace(c, statistics=(half_null,)) for c in relation.columns)
        return replace(relation, columns=columns)

    return replace(source, relations=tuple(map(claimed, source.relations)))


def test_hard_inputs_are_filled_or_named(
    make_database: Callable[..., str], make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    source = hard(make_database)
    dsn, made = make_into(source)
    counts = {
        r.name.name: ask(dsn, f"SELECT count(*) FROM {r.name.sql}")[0][0] for r in source.relations
    }
    assert counts["empty_parent"] == 0
    assert counts["child_of_empty"] == 500
    assert ask(dsn, "SELECT count(parent_id) FROM child_of_empty") == [(0,)]
    assert counts["never_analysed"] == 800
    assert counts["range_unseen"] == 300
    assert counts["list_unseen"] == 300, made.notes
    assert counts["audited"] == 200
    assert counts["audit_log"] == 0  # triggers come after the rows
    assert ask(dsn, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == [("audited_noted",)]
    assert counts["twisted"] == 1000
    assert counts['Odd "Name'] == 300
    told = " ".join(n.what for n in made.notes)
    unmade = {c.name for c in source.constraints} - {c.name for c in collect(dsn).constraints}
    assert all(name in told for name in (*unmade, *invalid_constraints(dsn)))


def test_as_many_columns_as_a_table_can_have(
    make_database: Callable[..., str], make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    columns = ", ".join(f"c{n} integer" for n in range(1600))
    source = collect(
        make_database(
            f"CREATE TABLE wide ({columns})",
            "INSERT INTO wide (c0, c1, c1599) SELECT n, n % 3, -n FROM generate_series(1, 200) n",
            "ANALYZE",
        )
    )
    dsn, _ = make_into(source)
    assert ask(
        dsn, "SELECT count(DISTINCT c0), count(DISTINCT c1), count(c2), max(c1599) FROM wide"
    ) == [(200, 3, 0, -1)]


def test_a_database_that_is_not_empty_is_refused(
    make_database: Callable[..., str],
) -> None:
    source = collect(make_database("CREATE TABLE a (b int)"))
    target = make_database("CREATE TABLE precious (b int); INSERT INTO precious VALUES (1)")
    with pytest.raises(BadInput, match=r"not empty.*public\.precious"):
        synthesise_into(target, source, progress=Silent())
    assert ask(target, "SELECT * FROM precious") == [(1,)]


def test_what_does_not_fit_is_refused_with_the_arithmetic(shop: Snapshot, tmp_path: Path) -> None:
    grown = tuple(replace(r, size_bytes=r.size_bytes * 10**9) for r in shop.relations)
    large = replace(shop, relations=grown)
    with pytest.raises(BadInput, match=r"rows would take about .* free .*--scale [\d.e-]+"):
        require_room(large, units_of(large, Scale(1.0)), tmp_path, 1.0)
    require_room(shop, units_of(shop, Scale(0.001)), tmp_path, 0.001)


def test_keys_of_three_columns_keep_their_rows_at_any_scale(
    make_database: Callable[..., str], make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    source = collect(
        make_database(
            "CREATE TABLE site (id integer PRIMARY KEY);"
            "CREATE TABLE reading (site_id integer REFERENCES site, day date, metric text,"
            " value float8, PRIMARY KEY (site_id, day, metric))",
            "INSERT INTO site SELECT generate_series(1, 20)",
            "INSERT INTO reading SELECT s, date '2026-01-01' + d, 'metric ' || m, s * d + m"
            " FROM generate_series(1, 20) s, generate_series(1, 30) d, generate_series(1, 8) m"
            " WHERE (s * d + m) % 10 > 0",
            "VACUUM ANALYZE",
        )
    )
    rows = source.relation_by_name[QualifiedName("public", "reading")].reltuples
    for factor in (1.0, 0.1):
        _, made = make_into(source, scale=Scale(factor))
        wanted = min(rows * factor, 20 * factor * 30 * 8)
        assert made.rows[QualifiedName("public", "reading")] == pytest.approx(wanted, rel=0.01)


def test_pages_are_as_full_and_as_visible_as_the_targets(
    make_database: Callable[..., str], make_into: Callable[..., tuple[str, Synthesised]]
) -> None:
    source = collect(
        make_database(
            "CREATE TABLE bloated (id integer PRIMARY KEY, note text) WITH (fillfactor = 90)",
            "INSERT INTO bloated SELECT n, md5(n::text) FROM generate_series(1, 10000) n",
            "DELETE FROM bloated WHERE id % 3 > 0",
            "VACUUM ANALYZE bloated",
            "UPDATE bloated SET note = note WHERE id < 2000",
            "ANALYZE",
        )
    )
    name = QualifiedName("public", "bloated")
    wanted = source.relation_by_name[name]
    assert 0 < wanted.relallvisible < wanted.relpages
    dsn, _ = make_into(source)
    again = collect(dsn)
    found = again.relation_by_name[name]
    assert found.relpages == pytest.approx(wanted.relpages, rel=0.1)
    assert found.relallvisible == pytest.approx(wanted.relallvisible, abs=0.05 * wanted.relpages)
    assert found.options == wanted.options
    assert again.indexes[0].relpages == pytest.approx(source.indexes[0].relpages, rel=0.2)
    assert again.indexes[0].options == ()
