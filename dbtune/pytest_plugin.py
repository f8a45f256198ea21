"""pytest plugin: fail a test on an N+1 or over a query budget, for any client of PostgreSQL.

The server is asked what it saw while the test ran, so it does not matter which library or
language sent the statements. Tests choose with `@pytest.mark.dbtune(max_queries=…,
no_n_plus_one=True)`; the database is that of the fixture `dbtune_dsn`, which a conftest.py may
override.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dbtune.collect.watch import Watch, Watched
    from dbtune.finding import Finding

_MARKER = (
    "dbtune(max_queries=None, no_n_plus_one=True): fail when the test runs more statements than "
    "max_queries, or repeats one for each row of another"
)
_SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_min_duration_statement": "0",
    "lc_messages": "C",
}
_DSN = pytest.StashKey[str]()


@dataclass(frozen=True, slots=True)
class Budget:
    """What a marked test may do."""

    max_queries: int | None = None
    no_n_plus_one: bool = True


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    parser.addoption(
        "--dbtune-dsn", help="database that dbtune's marker watches; default: an embedded server"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def dbtune_dsn(pytestconfig: pytest.Config) -> Iterator[str]:
    """DSN of the database under test: --dbtune-dsn, DBTUNE_TEST_DSN, or an embedded server."""
    named = pytestconfig.getoption("--dbtune-dsn") or os.environ.get("DBTUNE_TEST_DSN")
    if named:
        yield str(named)
        return
    from dbtune.server.binaries import wheel_binaries  # noqa: PLC0415 - most runs need none
    from dbtune.server.cluster import running_cluster  # noqa: PLC0415

    with running_cluster(wheel_binaries(), settings=_SETTINGS) as cluster:
        yield cluster.dsn()


@pytest.fixture(autouse=True)
def _dbtune_database(request: pytest.FixtureRequest) -> None:
    """Note the database of a marked test before it runs."""
    if request.node.get_closest_marker("dbtune"):
        request.node.stash[_DSN] = request.getfixturevalue("dbtune_dsn")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Watch the server during the test, and judge when it has passed."""
    marker = item.get_closest_marker("dbtune")
    if marker is None or _DSN not in item.stash:
        return (yield)
    from dbtune.collect.watch import watching  # noqa: PLC0415

    budget = Budget(*marker.args, **marker.kwargs)
    with watching(item.stash[_DSN]) as watch:
        result = yield
        reasons = _reasons(budget, watch, item.stash[_DSN])
    if reasons:
        pytest.fail("\n\n".join(reasons), pytrace=False)
    return result


def _reasons(budget: Budget, watch: Watch, dsn: str) -> list[str]:
    """Why the test fails, a paragraph each; empty when it keeps its budget."""
    seen = watch.seen()
    reasons = []
    if budget.max_queries is not None and seen.query_count > budget.max_queries:
        often = sorted(seen.statements, key=lambda s: (-s.calls, s.text))[:10]
        shown = "\n".join(f"  {s.calls:5} × {' '.join(s.text.split())[:120]}" for s in often)
        reasons.append(
            f"{seen.query_count} queries where {budget.max_queries} are allowed:\n{shown}"
        )
    if budget.no_n_plus_one and seen.statements:
        reasons += _loops(seen, dsn)
    return reasons


def _loops(seen: Watched, dsn: str) -> list[str]:
    from dataclasses import replace  # noqa: PLC0415

    from dbtune.assemble import assemble_workload  # noqa: PLC0415
    from dbtune.collect import collect  # noqa: PLC0415
    from dbtune.finding import Confidence  # noqa: PLC0415
    from dbtune.progress import Silent  # noqa: PLC0415
    from dbtune.rules.judge import judge  # noqa: PLC0415
    from dbtune.rules.load import load_rules  # noqa: PLC0415
    from dbtune.snapshot.model import Counter, Reading  # noqa: PLC0415
    from dbtune.snapshot.scope import Scope  # noqa: PLC0415

    (rule,) = (rule for rule in load_rules() if rule.id == "n-plus-one")
    # All calls are this test's: a few are enough to tell.
    params = replace(rule.params, min_child_calls=rule.params.min_runs, min_undeclared_intervals=1)
    rule = replace(rule, params=params)
    counters = tuple(Counter(s.calls, s.rows, s.total_exec_ms) for s in seen.statements)
    readings = (Reading("", (None,) * len(counters)), Reading("", counters))
    snapshot = replace(collect(dsn), statements=seen.statements, readings=readings)
    workload = assemble_workload(snapshot, None, Scope(), Silent())
    # A pool that lends a connection for each statement shows in the counters alone.
    sources = (replace(workload, traffic=seen.traffic), workload)
    judged = (judge(one, [rule], min_confidence=Confidence.LIKELY).findings for one in sources)
    findings: tuple[Finding, ...] = next(filter(None, judged), ())
    return [f"N+1 on {f.subject.name}: {f.message}" for f in findings]
