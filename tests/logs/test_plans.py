"""Plans that auto_explain logs: kept for the slowest execution, in every log and plan format."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from dbtune.assemble import assemble_workload
from dbtune.collect import CollectOptions, collect
from dbtune.collect.logs import read_logs
from dbtune.collect.logs.explain_text import explain_document
from dbtune.detectors.sequential_scan import Params, detect
from dbtune.finding import Subject
from dbtune.gate.verdict import Verdict
from dbtune.identifier import QualifiedName
from dbtune.plan import PlanNode, read_plan
from dbtune.progress import Silent
from dbtune.report.model import report_of
from dbtune.report.render import render
from dbtune.snapshot.model import StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.statement.fingerprint import fingerprint
from tests.logs.conftest import LOGGING, LoggingServer

Logged = Callable[[Callable[[str], None]], dict[str, Path]]

LOOKUP = "SELECT id FROM parcel WHERE code = $1"
_SCHEMA = """
DROP TABLE IF EXISTS parcel, "Owner";
CREATE TABLE "Owner" (id int PRIMARY KEY, name text);
CREATE TABLE parcel (id int PRIMARY KEY, code text, owner int);
INSERT INTO "Owner" SELECT g, 'n' || g FROM generate_series(1, 100) g;
INSERT INTO parcel SELECT g, 'c' || g, g % 100 + 1 FROM generate_series(1, 20000) g;
ANALYZE parcel; ANALYZE "Owner";
"""
QUERIES = (
    "SELECT id FROM parcel WHERE code = 'c77'",
    'SELECT o.name, count(*) FROM "Owner" o JOIN parcel p ON p.owner = o.id'
    " WHERE p.id < 500 GROUP BY o.name ORDER BY 2 DESC LIMIT 3",
    'SELECT name FROM "Owner" WHERE id = (SELECT max(owner) FROM parcel WHERE id < 10)',
    "WITH few AS MATERIALIZED (SELECT * FROM parcel WHERE id < 50) SELECT * FROM few, few f2"
    " WHERE few.id = f2.owner",
    "SELECT * FROM parcel WHERE id IN (SELECT id FROM \"Owner\" WHERE name LIKE 'n1%')",
    "SELECT id FROM parcel WHERE id < 5 UNION ALL SELECT g FROM generate_series(1, 3) g",
    "UPDATE parcel SET code = code || 'x' WHERE id = 3",
    "SELECT FROM \"Owner\" o LEFT JOIN parcel p ON p.id = o.id AND p.code > 'c' WHERE o.id > 90",
)


def _explained(dsn: str, plan_format: str, settings: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as c:
        c.execute(_SCHEMA)
        c.execute("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0")
        c.execute(f"SET auto_explain.log_format = {plan_format}; {settings}".encode())
        for query in QUERIES:
            c.execute(query.encode())


@pytest.mark.parametrize("plan_format", ["text", "json"])
@pytest.mark.parametrize(
    "settings",
    [
        "",
        "SET auto_explain.log_analyze = on; SET auto_explain.log_buffers = on",
        "SET auto_explain.log_analyze = on; SET auto_explain.log_verbose = on;"
        " SET auto_explain.log_timing = off; SET auto_explain.log_settings = on",
    ],
)
def test_plans_are_kept_in_every_log_format(
    logged: Logged, plan_format: str, settings: str
) -> None:
    files = logged(lambda dsn: _explained(dsn, plan_format, settings))
    for name, path in files.items():
        traffic = read_logs([path], line_prefix=LOGGING["log_line_prefix"])
        plans = {s.text: s.plan.plan for s in traffic.shapes if s.plan}
        assert len(plans) >= len(QUERIES), name
        scan = plans[LOOKUP].root
        assert (scan.node_type, scan.index) == ("Seq Scan", None)
        assert scan.relation == QualifiedName("public", "parcel")
        assert scan.details["Filter"] == "(parcel.code = $1::text)" or scan.details["Filter"] == (
            "(code = $1::text)"
        )
        measured = "log_analyze" in settings
        assert (scan.actual_rows, scan.actual_loops) == ((1, 1) if measured else (None, None))
        assert scan.details.get("Rows Removed by Filter") == (19_999 if measured else None)
        assert bool(scan.details.get("Shared Hit Blocks")) == ("log_buffers" in settings)


@pytest.mark.pg(">= 13")
def test_text_plans_read_as_their_json_does(logging_server: LoggingServer) -> None:
    with psycopg.connect(logging_server.dsn(), autocommit=True) as c:
        c.execute(_SCHEMA)
        for query in QUERIES:
            for options in ("COSTS", "ANALYZE, TIMING off, BUFFERS", "VERBOSE"):
                as_json, as_text = (
                    c.execute(f"EXPLAIN ({options}, FORMAT {kind}) {query}".encode()).fetchall()
                    for kind in ("json", "text")
                )
                told = read_plan(explain_document("\n".join(row[0] for row in as_text)))
                expected = read_plan(as_json[0][0])
                if "VERBOSE" not in options:  # the text then names no schema
                    assert told.signature == expected.signature, query
                else:
                    assert _figures(told.root) == _figures(expected.root), query


def _figures(root: PlanNode) -> list[tuple[object, ...]]:
    return [(n.label, n.alias, n.plan_rows, n.total_cost, n.actual_loops) for n in root.walk()]


def test_the_slowest_plan_is_kept_without_values(logged: Logged) -> None:
    files = logged(lambda dsn: _explained(dsn, "json", "SET auto_explain.log_analyze = on"))
    plain, shown = (read_logs([files["csvlog"]], show_values=show) for show in (False, True))
    assert not any("c77" in json.dumps(s.plan.plan.source) for s in plain.shapes if s.plan)
    (lookup,) = (s.plan for s in shown.shapes if s.plan and s.text == LOOKUP)
    assert "'c77'" in lookup.plan.root.details["Filter"]


def test_reports_and_detectors_tell_the_logged_plan(
    logged: Logged, logging_server: LoggingServer
) -> None:
    files = logged(lambda dsn: _explained(dsn, "text", "SET auto_explain.log_analyze = on"))
    snapshot = collect(logging_server.dsn(), CollectOptions(), Silent())
    statements = (StatementStatistics(LOOKUP, calls=50, total_exec_ms=100.0),)
    traffic = read_logs([files["csvlog"]])
    workload = assemble_workload(
        replace(snapshot, statements=statements), None, Scope(), Silent(), traffic
    )
    params = Params(
        min_rows=10_000, min_size_bytes=1, max_fraction=0.05, min_calls=1, min_share=0.01
    )
    (match,) = detect(workload, params)
    assert match.subject == Subject("parcel", QualifiedName("public", "parcel"))
    assert match.evidence.logged.endswith("does too, reading 20,000 rows")
    report = report_of(workload, (), (), verdict=Verdict())
    (told,) = json.loads(render(report, "json"))["statements"]
    assert told["fingerprint"] == fingerprint(LOOKUP)
    assert told["logged_plan"]["source"] == "auto_explain"
    assert "removed by filter 19,999" in told["logged_plan"]["text"]
    assert "Plan that auto_explain logged at" in render(report, "html")


@pytest.mark.parametrize("text", ["", "nonsense", "Query Text: SELECT 1\n", "  Filter: (a = 1)"])
def test_a_text_without_nodes_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError, match="no plan node"):
        explain_document(text)
