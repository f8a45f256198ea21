"""The demo application: what it shows must be found, and what is in order must stay silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbtune.demo.application import Demo, running_demo
from dbtune.demo.traffic import plan_requests, read_world, send_traffic
from tests.conftest import find_binaries


@pytest.fixture(scope="module")
def demo(pytestconfig: pytest.Config) -> Iterator[Demo]:
    """A small CRM after a short round of traffic."""
    binaries = find_binaries(int(pytestconfig.getoption("--pg")))
    if binaries is None:
        pytest.skip("no server programs of this version on this machine")
    with running_demo(scale=0.1, binaries=binaries) as running:
        send_traffic(running.dsn, volume=0.1)
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
