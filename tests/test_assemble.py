"""Names in statements whose search path is not known to dbtune."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg.conninfo import make_conninfo

from dbtune.collect import collect
from dbtune.options import AnalyzeOptions
from dbtune.pipeline import Analysis, analyze
from dbtune.plan import Plan

SCHEMA = """
CREATE SCHEMA "My App"; CREATE SCHEMA lager; CREATE SCHEMA lager_alt;
CREATE TABLE "My App".item (id integer PRIMARY KEY, price integer);
INSERT INTO "My App".item SELECT i, i FROM generate_series(1, 20000) i;
CREATE TABLE lager.box (id integer PRIMARY KEY, item integer);
CREATE TABLE lager.shelf (id integer); CREATE TABLE lager_alt.shelf (id integer);
ANALYZE;
"""


def analysed(dsn: str, path: str, text: str) -> Analysis:
    with psycopg.connect(make_conninfo(dsn, options=f"-csearch_path={path}")) as connection:
        connection.execute(text.encode())
    return analyze(collect(dsn), AnalyzeOptions())


def test_what_one_schema_alone_has_is_found_there(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA)
    text = "SELECT b.id FROM box b JOIN item i ON i.id = b.item WHERE i.price = 7"
    analysis = analysed(dsn, '"My\\ App",lager', text)
    (found,) = (s for s in analysis.workload.statements if "box" in s.text)
    assert isinstance(found.plan, Plan)
    assert {str(n.relation) for n in found.plan.root.walk() if n.relation} == {
        "lager.box", '"My App".item',
    }  # fmt: skip
    assert analysis.report.not_examined == ()


def test_what_several_schemas_have_is_told(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA)
    analysis = analysed(dsn, "lager_alt", "SELECT max(id) FROM shelf")
    (left,) = analysis.report.not_examined
    assert left.reason == "not planned: not in the catalog: shelf"
    assert "search_path" in left.remedy


def test_what_no_schema_has_stays_unknown(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA)
    text = "SELECT max(i.id) FROM item i JOIN short_lived s ON s.id = i.id"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE short_lived (id integer)")
        connection.execute(b'SET search_path = "My App"')
        connection.execute(text.encode())
    (left,) = analyze(collect(dsn), AnalyzeOptions()).report.not_examined
    assert "short_lived" in left.reason
    assert left.remedy == ""
