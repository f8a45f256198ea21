"""The demo application: what it shows must be found, and what is in order must stay silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbtune.advice import CreateIndex, DropIndex
from dbtune.collect import collect
from dbtune.collect.logs import read_logs
from dbtune.demo.application import SETTINGS, Demo, running_demo, vacuum
from dbtune.demo.traffic import plan_requests, read_world, send_traffic
from dbtune.pipeline import Analysis, analyze
from tests.conftest import find_binaries


@pytest.fixture(scope="module")
def demo(pytestconfig: pytest.Config) -> Iterator[Demo]:
    """A small CRM after a short round of traffic."""
    binaries = find_binaries(int(pytestconfig.getoption("--pg")))
    if binaries is None:
        pytest.skip("no server programs of this version on this machine")
    with running_demo(scale=0.2, binaries=binaries) as running:
        send_traffic(running.dsn, volume=0.3)
        yield running


def test_traffic_fills_statistics_and_log_as_in_life(demo: Demo) -> None:
    with psycopg.connect(demo.dsn) as connection:
        rows = connection.execute(
            "SELECT query, calls, rows FROM pg_stat_statements WHERE query LIKE %s",
            ("%deletedAt%",),
        ).fetchall()
    assert rows
    assert all("$1" in text for text, _, _ in rows), "statements are sent with parameters"
    log = Path(demo.cluster.log_file).read_text()
    assert "Parameters" in log or "parameters" in log
    assert "CREATE TABLE" not in log, "making the rows is not traffic"


def test_equal_seeds_plan_equal_requests(demo: Demo) -> None:
    world = read_world(demo.dsn)

    def shape(seed: int) -> list[tuple[str, str, str, float]]:
        return [
            (r.page.__name__, r.visit.organization, r.visit.user, r.visit.random.random())
            for r in plan_requests(world, seed, 0.2)
        ]

    assert shape(7) == shape(7)
    assert shape(7) != shape(8)


@pytest.fixture(scope="module")
def analysis(demo: Demo) -> Analysis:
    """What dbtune says of the CRM, from its server and its log."""
    traffic = read_logs((demo.cluster.log_file,), line_prefix=SETTINGS["log_line_prefix"])
    return analyze(collect(demo.dsn), traffic=traffic)


def created(analysis: Analysis) -> set[tuple[str, ...]]:
    changes = (r.change for r in analysis.report.recommendations)
    return {
        (c.spec.relation.name, *c.spec.key_columns) for c in changes if isinstance(c, CreateIndex)
    }


def test_the_indexes_that_leads_need(analysis: Analysis) -> None:
    leads = {key[1:] for key in created(analysis) if key[0] == "LeadFact"}
    assert any(key[:2] == ("orgId", "enteredAt") for key in leads), leads
    assert any("assignedUserId" in key[:2] and "enteredAt" in key for key in leads), leads


def test_of_three_indexes_the_repeated_one_goes(analysis: Analysis) -> None:
    changes = [r.change for r in analysis.report.recommendations]
    dropped = {c.name.name for c in changes if isinstance(c, DropIndex)}
    assert dropped == {"AgentMetricsSnapshot_orgId_agentUserId_windowDays_idx"}


def test_the_application_is_told_of_its_loops(analysis: Analysis) -> None:
    found = {(f.rule, f.subject.name) for f in analysis.report.findings}
    assert {rule for rule, name in found if "User" in name or "Monday" in name} >= {
        "n-plus-one",
        "row-by-row-write",
    }, found


def test_what_is_served_gets_nothing(demo: Demo, analysis: Analysis) -> None:
    others = {key for key in created(analysis) if key[0] not in ("LeadFact", "Deal")}
    # Before 18 an index on (orgId, agentUserId, …) does not find the rows of an agent.
    skips = demo.cluster.binaries.major >= 18
    assert others == (set() if skips else {("AgentMetricsSnapshot", "agentUserId")})


def test_after_the_migration_nothing_is_left_to_create(demo: Demo, analysis: Analysis) -> None:
    with psycopg.connect(demo.dsn, autocommit=True) as connection:
        for step in analysis.migration.up_steps:
            connection.execute(step.sql.encode())
    vacuum(demo.dsn)
    again = analyze(collect(demo.dsn))
    assert created(again) == set()
    assert again.migration.is_empty
