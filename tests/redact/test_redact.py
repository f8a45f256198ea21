"""A redacted snapshot holds no value of a row, and its stand-ins do what the values did."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.redact import redact
from dbtune.redact.snapshot import without_comments
from dbtune.snapshot.catalog import Column, ColumnStatistics
from dbtune.snapshot.file import to_bytes
from dbtune.snapshot.model import Snapshot

SECRETS = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
CREATE TYPE span AS RANGE (SUBTYPE = integer);
CREATE TABLE person (
    id bigint PRIMARY KEY,
    name text,
    mail email,
    code varchar(12) COLLATE "C",
    sex char(1),
    mood mood,
    moods mood[],
    born date,
    seen timestamptz(3),
    salary numeric(9,2),
    score double precision,
    level smallint,
    tags text[],
    stay daterange,
    floors span,
    doc jsonb,
    key uuid,
    address inet,
    net cidr,
    picture bytea,
    flags bit(9),
    nap time,
    worked interval,
    active boolean,
    words tsvector
);
INSERT INTO person SELECT
    770000000 + i * 7, 'Planted-' || md5(i::text), 'planted' || i % 30 || '@secret.example',
    'PLANT' || i % 400, (ARRAY['M', 'F', 'X'])[1 + i % 3],
    (ARRAY['sad', 'ok', 'glad'])[1 + i % 3]::mood, ARRAY['ok', 'sad']::mood[],
    '1961-02-03'::date + i * 11,
    '2026-01-01'::timestamptz + i * interval '7777 s',
    50120 + i * 0.001, 0.987654321 * i, i % 90,
    ARRAY['planted,tag ' || i % 9, 'pl"anted\\' || i % 4, NULL],
    daterange('2025-06-01'::date + i, '2025-06-01'::date + i + 1 + i % 40),
    CASE WHEN i % 9 = 0 THEN 'empty' ELSE span(88000 + i, 89999 + i) END,
    jsonb_build_object('planted', i % 50), md5('planted' || i)::uuid,
    '192.168.0.0'::inet + i % 700, set_masklen('192.168.0.0'::cidr + 256 * (i % 100), 24),
    decode(md5('planted' || i % 99), 'hex'), (i % 512)::bit(9), '05:00'::time + i * interval '3 s',
    i % 300 * interval '77 min', i % 2 = 0, to_tsvector('simple', 'plantedword' || i % 20)
FROM generate_series(1, 2000) i;
CREATE INDEX person_lower ON person (lower(name));
CREATE INDEX person_tags ON person USING gin ((tags[1:2]), (doc || '{}'), (words || words));
CREATE STATISTICS person_both (mcv) ON sex, active, code FROM person;
CREATE STATISTICS person_expressions ON upper(name), (id % 7), sex FROM person;
CREATE TABLE visit (person bigint, place text);
INSERT INTO visit SELECT 770000000 + 7 * (1 + i % 5), 'Planted place'
    FROM generate_series(1, 500) i;
ANALYZE person;
ANALYZE visit;
SELECT count(*) FROM person WHERE name = 'Planted literal' AND salary > 50123.99
    /*traceparent='00-planted-01',route='%2Fplanted'*/;
"""

PLANTED = ("plant", "Plant", "PLANT", "secret.ex", "770000", "50120.0", "1961-02-14", "192.168")


@pytest.fixture
def both(make_database: Callable[..., str]) -> tuple[str, Snapshot, Snapshot]:
    """A database, its snapshot, and the redacted one."""
    dsn = make_database(SECRETS)
    snapshot = collect(dsn)
    return dsn, snapshot, redact(snapshot)


def columns_of(snapshot: Snapshot) -> dict[str, Column]:
    return {c.name: c for c in snapshot.relation_by_name[QualifiedName("public", "person")].columns}


def statistics_of(column: Column) -> ColumnStatistics:
    found = column.statistics_for()
    assert found is not None, column.name
    return found


def planted(secret: str, text: str) -> bool:
    """Whether a value begins like it: a measured 0.24770000000000003 has such digits too."""
    return re.search(rf"(?<![\d.]){re.escape(secret)}", text) is not None


def test_no_planted_value_is_left_in_the_file(both: tuple[str, Snapshot, Snapshot]) -> None:
    _, snapshot, redacted = both
    whole = gzip.decompress(to_bytes(snapshot)).decode()
    assert [secret for secret in PLANTED if not planted(secret, whole)] == []
    left = gzip.decompress(to_bytes(redacted)).decode()
    assert [secret for secret in PLANTED if planted(secret, left)] == []
    assert redacted.redacted
    assert redact(redacted) == redacted


def test_figures_are_kept_and_so_is_the_number_of_values(
    both: tuple[str, Snapshot, Snapshot],
) -> None:
    _, snapshot, redacted = both
    after = columns_of(redacted)
    for name, column in columns_of(snapshot).items():
        old, new = statistics_of(column), statistics_of(after[name])
        for field in ("most_common_values", "histogram_bounds", "most_common_elems"):
            assert len(getattr(new, field) or ()) == len(getattr(old, field) or ()), (name, field)
        figures = {"null_frac", "avg_width", "n_distinct", "correlation", "most_common_freqs"}
        assert {f: getattr(new, f) for f in figures} == {f: getattr(old, f) for f in figures}
    assert redacted.not_collected == snapshot.not_collected


def test_stand_ins_are_valid_and_histograms_still_ascend(
    both: tuple[str, Snapshot, Snapshot],
) -> None:
    dsn, _, redacted = both
    checked = 0
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER DOMAIN email DROP CONSTRAINT email_check")
        for column in columns_of(redacted).values():
            found = statistics_of(column)
            ascends = sql.SQL(
                "SELECT bool_and(a < b) FROM (SELECT v::{type} AS b, "
                "lag(v::{type}) OVER (ORDER BY n) AS a FROM unnest(%s::text[]) "
                "WITH ORDINALITY AS u(v, n)) AS pairs"
            ).format(type=sql.SQL(column.type))
            for values in (found.histogram_bounds,):
                if values:
                    row = connection.execute(ascends, [list(values)]).fetchone()
                    assert row == (True,), (column.name, values[:5])
                    checked += 1
            for values in (found.most_common_values, found.range_bounds_histogram):
                cast = sql.SQL("SELECT count(DISTINCT v::{type}) FROM unnest(%s::text[]) v").format(
                    type=sql.SQL(column.type)
                )
                row = connection.execute(cast, [list(values or ())]).fetchone()
                assert row == (len(set(values or ())),), column.name
    assert checked >= 10


def test_columns_that_shared_values_still_do(both: tuple[str, Snapshot, Snapshot]) -> None:
    _, _, redacted = both
    visit = redacted.relation_by_name[QualifiedName("public", "visit")].column("person")
    assert visit is not None
    keys = statistics_of(visit).most_common_values or ()
    ids = statistics_of(columns_of(redacted)["id"]).histogram_bounds or ()
    assert min(map(int, keys)) <= int(ids[0]) < max(map(int, keys)) < int(ids[1])


def test_stand_ins_of_expressions_are_of_the_type_that_the_expression_has(
    both: tuple[str, Snapshot, Snapshot],
) -> None:
    _, _, redacted = both
    (tags,) = (i for i in redacted.indexes if i.name.name == "person_tags")
    assert [k.type for k in tags.keys] == ["text[]", "jsonb", "tsvector"]
    assert tags.keys[0].statistics
    assert all(v.startswith("{") for v in tags.keys[0].statistics.most_common_values or ("",))


def test_dates_stay_in_their_month(both: tuple[str, Snapshot, Snapshot]) -> None:
    _, snapshot, redacted = both
    old = statistics_of(columns_of(snapshot)["born"]).histogram_bounds or ()
    new = statistics_of(columns_of(redacted)["born"]).histogram_bounds or ()
    assert [value[:7] for value in new] == [value[:7] for value in old]


def test_schema_stays(both: tuple[str, Snapshot, Snapshot]) -> None:
    _, snapshot, redacted = both
    assert [i.definition for i in redacted.indexes] == [i.definition for i in snapshot.indexes]
    assert redacted.constraints == snapshot.constraints
    kinds = {o.kind for o in snapshot.objects} - {o.kind for o in redacted.objects}
    assert kinds == {"domain constraint"}


def test_a_type_nothing_can_be_invented_for_is_named(both: tuple[str, Snapshot, Snapshot]) -> None:
    _, snapshot, _ = both
    person = snapshot.relation_by_name[QualifiedName("public", "person")]
    strange = tuple(replace(c, type="geo.shape") if c.name == "code" else c for c in person.columns)
    redacted = redact(replace(snapshot, relations=(replace(person, columns=strange),)))
    left = statistics_of(columns_of(redacted)["code"])
    assert (left.most_common_values, left.most_common_freqs) == (None, None)
    assert [n.what for n in redacted.not_collected] == ["values of type geo.shape"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 -- Ann\n FROM t", "SELECT 1  \n FROM t"),
        ("SELECT $1 /*, ... */ /* Ann /* nested */ */", "SELECT $1 /*, ... */"),
        ("SELECT '/* no comment */'", "SELECT '/* no comment */'"),
        ("SELECT 'cut off in the midd", "SELECT"),
    ],
)
def test_comments_and_broken_ends_go(text: str, expected: str) -> None:
    assert without_comments(text) == expected
