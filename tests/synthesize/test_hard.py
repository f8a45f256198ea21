"""Schemas that are hard to fill: every row is made, or what is otherwise is told by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dbtune.collect import collect
from dbtune.redact import redact
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.run import Synthesised
from tests.synthesize.conftest import Into, ask

HERE = Path(__file__).parent
CONSTRAINED = (HERE / "constrained.sql").read_text(encoding="utf-8")
PARTITIONED = (HERE / "partitioned.sql").read_text(encoding="utf-8")
TYPES = (HERE / "types.sql").read_text(encoding="utf-8")

pytestmark = pytest.mark.pg(">= 15")


def counts(dsn: str, snapshot: Snapshot) -> dict[str, int]:
    """The rows of every table, those of its children not counted."""
    return {
        r.name.name: ask(dsn, f"SELECT count(*) FROM ONLY {r.name.sql}")[0][0]
        for r in snapshot.relations
        if r.kind in "rm"
    }


def told(made: Synthesised, what: str) -> str:
    return next((n.why for n in made.notes if what in n.what), "")


def without_statistics(snapshot: Snapshot) -> Snapshot:
    """As if nothing had ever been analysed but the number of rows."""
    relations = tuple(
        replace(r, columns=tuple(replace(c, statistics=()) for c in r.columns))
        for r in snapshot.relations
    )
    return replace(snapshot, relations=relations)


def without_extension(snapshot: Snapshot, name: str, type_name: str) -> Snapshot:
    """As if a type came from an extension that no server here has."""
    relations = tuple(
        replace(
            r,
            columns=tuple(
                replace(c, type=type_name, not_null=True) if c.type.endswith(name) else c
                for c in r.columns
            ),
        )
        for r in snapshot.relations
    )
    extensions = tuple(e for e in snapshot.extensions if e.name != name)
    return replace(snapshot, relations=relations, extensions=extensions)


def test_constraints_hold_or_what_was_made_in_their_place_is_told(
    make_database: Callable[..., str], make_into: Into
) -> None:
    dsn = make_database(CONSTRAINED, "VACUUM ANALYZE")
    source = collect(dsn)
    into, made = make_into(source)
    assert counts(into, source) == counts(dsn, source) | {"booking": 800}
    assert ask(into, "SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
    again = collect(into)
    missing = {c.name for c in source.constraints} - {c.name for c in again.constraints}
    assert missing == {"booking_room_during_excl"}
    assert told(made, "booking_room_during_excl").startswith("made as a plain index")
    assert {i.name for i in again.indexes} == {i.name for i in source.indexes}
    assert "made as a plain index" in told(made, "signup_lower_idx")
    assert "none of them fired" in told(made, "triggers")
    assert "cannot be refreshed" in told(made, "totals")
    assert "every row is seen" in told(made, "guarded")


@pytest.mark.parametrize("change", [lambda s: s, redact, without_statistics])
def test_partitions_keep_their_bounds(
    make_database: Callable[..., str],
    make_into: Into,
    change: Callable[[Snapshot], Snapshot],
) -> None:
    dsn = make_database(PARTITIONED, "VACUUM ANALYZE")
    source = collect(dsn)
    into, made = make_into(change(source))
    assert counts(into, source) == counts(dsn, source), made.notes
    invalid = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    assert ask(into, invalid) == []


def test_rows_outside_a_bound_of_two_columns_are_left_out_and_told(
    make_database: Callable[..., str], make_into: Into
) -> None:
    source = collect(
        make_database(
            "CREATE TABLE pair (a int, b int) PARTITION BY RANGE (a, b)",
            "CREATE TABLE pair_low PARTITION OF pair FOR VALUES FROM (0, 0) TO (10, 5)",
            "CREATE TABLE pair_high PARTITION OF pair FOR VALUES FROM (10, 5) TO (20, MAXVALUE)",
            "INSERT INTO pair SELECT n % 20, CASE WHEN n % 20 = 10 THEN 5 + n % 5 ELSE n % 30 END "
            "FROM generate_series(1, 2000) n",
            "ANALYZE",
        )
    )
    into, made = make_into(source)
    left = ask(into, "SELECT count(*) FROM pair")[0][0]
    assert 1900 < left < 2000
    assert f"{2000 - left} of 1000 left out: outside the bound" in told(made, "pair_high")


def test_every_type_of_the_server_is_filled(
    make_database: Callable[..., str], make_into: Into
) -> None:
    source = collect(make_database(TYPES, "VACUUM ANALYZE"))
    for change in (lambda s: s, redact, without_statistics):
        into, made = make_into(change(source))
        assert counts(into, source) == {"kinds": 1000}, made.notes
        assert ask(into, "SELECT conname FROM pg_constraint WHERE NOT convalidated") == []


def test_types_of_an_absent_extension_have_stand_ins(
    make_database: Callable[..., str], make_into: Into
) -> None:
    source = collect(
        make_database(
            "CREATE EXTENSION hstore",
            "CREATE TABLE place (id int PRIMARY KEY, at hstore, note text)",
            "INSERT INTO place SELECT n, hstore('k', n::text), 'n' || n "
            "FROM generate_series(1, 500) n",
            "ANALYZE",
        )
    )
    mapped = without_extension(source, "hstore", "geo.geometry(Point,4326)")
    into, made = make_into(mapped)
    assert ask(into, "SELECT count(at) FROM place") == [(500,)]
    assert "lacks it" in told(made, "geo.geometry")


def test_values_out_of_line_are_as_wide_as_the_target_s(
    make_database: Callable[..., str], make_into: Into
) -> None:
    dsn = make_database(
        "CREATE TABLE page (id int PRIMARY KEY, body text NOT NULL, parts bytea[], ids float8[])",
        "ALTER TABLE page ALTER body SET STORAGE EXTERNAL",
        "INSERT INTO page (id, body) SELECT n, string_agg(md5(n || '-' || m), '') "
        "FROM generate_series(1, 50) n, generate_series(1, 2000) m GROUP BY n",
        "VACUUM ANALYZE",
    )
    into, _ = make_into(collect(dsn))
    size = "SELECT pg_total_relation_size('page'), avg(length(body))::float8 FROM page"
    (total, length), (made_total, made_length) = ask(dsn, size)[0], ask(into, size)[0]
    assert made_length == pytest.approx(length, rel=0.1)
    assert made_total == pytest.approx(total, rel=0.1)


def test_a_column_that_the_server_cannot_read_is_null_and_told(
    make_database: Callable[..., str], make_into: Into
) -> None:
    source = collect(
        make_database(
            "CREATE TABLE seen (id int PRIMARY KEY, by aclitem, n int)",
            "INSERT INTO seen SELECT n, '=r/postgres', n FROM generate_series(1, 300) n",
            "ANALYZE",
        )
    )
    into, made = make_into(source)
    assert ask(into, "SELECT count(*), count(by), count(n) FROM seen") == [(300, 0, 300)], (
        made.notes
    )
    assert "by is null" in told(made, "seen")


def test_letters_of_any_language_are_kept(
    make_database: Callable[..., str], make_into: Into
) -> None:
    source = collect(
        make_database(
            "CREATE TABLE word (id int PRIMARY KEY, said text)",
            "INSERT INTO word SELECT n, 'žluťoučký ' || n FROM generate_series(1, 200) n",
            "ANALYZE",
        )
    )
    into, made = make_into(source)
    assert ask(into, "SELECT count(*) FROM word WHERE said LIKE 'ž%'") == [(200,)]
    assert made.notes == ()
