"""Load by pgbench, and the projects for other load generators."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from dbtune.bench.exports import export_project, tool_names
from dbtune.bench.load import LoadPlan, LoadStep, best_pool, saturation, send_load
from dbtune.bench.place import connect_to_bench
from dbtune.bench.scripts import scripts_of, with_literals
from dbtune.bench.task import Run
from dbtune.errors import BadInput
from dbtune.report.write import write_files
from dbtune.server.binaries import wheel_binaries
from tests.bench.place import BY_DEPOT, BY_ID, MOVE, SCHEMA, task

TASKS = (task(BY_ID, "7", "8", calls=90), task(BY_DEPOT, "5", calls=9), task(MOVE, "7", calls=1))
HOSTILE = ["it's", "back\\slash", "semi;colon", "$1 $$ :scale", "new\nline", '"quoted"', "ünï"]


@pytest.fixture
def dsn(make_database: Callable[..., str]) -> str:
    return make_database(*SCHEMA)


def depots(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT sum(depot), count(*) FROM parcel").fetchone()


def test_load_is_sent_and_leaves_no_trace(dsn: str) -> None:
    before = depots(dsn)
    with connect_to_bench(dsn) as monitor:
        steps = send_load(
            dsn, monitor, scripts_of(TASKS), LoadPlan((1, 3), duration_s=1, ramp_s=0),
            wheel_binaries(),
        )  # fmt: skip
    assert [s.clients for s in steps] == [1, 3]
    for step in steps:
        assert step.transactions > 10
        assert step.failed == 0
        assert 0 < step.p50_ms <= step.p95_ms <= step.p99_ms
    assert depots(dsn) == before


def test_hostile_values_reach_the_server_as_they_are(dsn: str) -> None:
    """As literals in pgbench's scripts: a statement divides by zero if its value came changed."""
    tasks = []
    for value in HOSTILE:
        codes = ",".join(str(ord(c)) for c in value)
        text = (
            "SELECT 1 / (string_agg(chr(c), '' ORDER BY n) = $1)::int "
            f"FROM unnest(ARRAY[{codes}]) WITH ORDINALITY AS u (c, n)"
        )
        tasks.append(task(text, value))
    plan = LoadPlan((1,), duration_s=1, ramp_s=0)
    with connect_to_bench(dsn) as monitor:
        steps = send_load(dsn, monitor, scripts_of(tasks), plan, wheel_binaries())
    assert steps[0].transactions > 20 * len(HOSTILE)  # so that each was sent
    assert steps[0].failed == 0


def test_a_mix_that_cannot_run_is_told(dsn: str) -> None:
    with connect_to_bench(dsn) as monitor, pytest.raises(BadInput, match="absent"):
        send_load(
            dsn, monitor, scripts_of((task("SELECT * FROM absent"),)),
            LoadPlan((1,), duration_s=1), wheel_binaries(),
        )  # fmt: skip


def test_literals() -> None:
    run = Run("SELECT $1, '$1', \"$2\", $2::int -- $1\n, $11", ("a'b", None, *["x"] * 8, "11"))
    assert with_literals(run) == ("SELECT  'a''b' , '$1', \"$2\",  NULL ::int -- $1\n,  '11'")


def test_weights_follow_the_calls() -> None:
    assert [s.weight for s in scripts_of(TASKS)] == [1000, 1000, 200, 22]


def step(clients: int, tps: float, p95_ms: float) -> LoadStep:
    return LoadStep(clients, tps, 1.0, 1.0, p95_ms, p95_ms, 100, 0, 0.0)


def test_the_pool_that_suits() -> None:
    steps = (step(1, 100, 5), step(4, 380, 8), step(8, 395, 20), step(16, 500, 90))
    assert best_pool(steps, 50) == 4
    assert best_pool(steps, None) == 16
    assert best_pool(steps, 1) is None
    assert saturation(steps, 50) == 16
    assert saturation(steps, 100) is None


def test_exports_are_whole_and_the_same_each_time() -> None:
    for tool in tool_names():
        files = export_project(tool, TASKS)
        assert "README.md" in files
        assert files == export_project(tool, TASKS)
    with pytest.raises(BadInput, match="no export for 'gatling'"):
        export_project("gatling", TASKS)


def test_the_jmeter_plan_is_a_plan() -> None:
    hostile = (task("SELECT $1, '${__time()}', '</stringProp>'", "\x01\x08 <&>"), *TASKS)
    root = ElementTree.fromstring(export_project("jmeter", hostile)["plan.jmx"])
    assert root.tag == "jmeterTestPlan"
    requests = root.findall(".//JDBCSampler")
    assert len(requests) == 5
    shares = root.findall(".//ThroughputController/FloatProperty/value")
    assert sum(float(s.text or 0) for s in shares) == pytest.approx(100, abs=0.01)
    # Every element is followed by the hashTree of its children, as JMeter reads them.
    for tree in root.iter("hashTree"):
        children = list(tree)
        assert all(child.tag == "hashTree" for child in children[1::2])
        assert len(children) % 2 == 0


def test_the_k6_script_reads_its_mix() -> None:
    files = export_project("k6", TASKS)
    mix = json.loads(files["mix.json"])
    assert mix[-1]["text"].startswith("BEGIN; UPDATE")
    assert mix[-1]["text"].endswith("ROLLBACK")
    assert "./mix.json" in files["load.js"]


def test_the_pgbench_project_runs(dsn: str, tmp_path: Path) -> None:
    before = depots(dsn)
    write_files(tmp_path, export_project("pgbench", TASKS))
    bindir = wheel_binaries().bindir
    environment = {**os.environ, "PATH": f"{bindir}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", tmp_path / "run.sh", dsn], capture_output=True, text=True, check=False,
        env={**environment, "DURATION": "1", "CLIENTS": "2", "JOBS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "number of failed transactions: 0" in done.stdout
    assert depots(dsn) == before


def test_the_locust_project_runs_with_two_workers(dsn: str, tmp_path: Path) -> None:
    """Master and workers on the loopback, as over several machines."""
    before = depots(dsn)
    write_files(tmp_path, export_project("locust", TASKS))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    locust = [sys.executable, "-m", "locust", "-f", str(tmp_path / "locustfile.py")]
    environment = {**os.environ, "DSN": dsn, "WAIT_SECONDS": "0.01"}
    workers = [
        subprocess.Popen(
            [*locust, "--worker", "--master-host", "127.0.0.1", "--master-port", port],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        master = subprocess.run(
            [*locust, "--master", "--master-bind-port", port, "--headless", "--expect-workers",
             "2", "--users", "4", "--spawn-rate", "4", "--run-time", "2s", "--stop-timeout", "1",
             "--csv", str(tmp_path / "stats"), "--only-summary"],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=10)
    assert master.returncode == 0, master.stderr[-800:]
    with (tmp_path / "stats_stats.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert int(rows["Aggregated"]["Request Count"]) > 20
    assert int(rows["Aggregated"]["Failure Count"]) == 0
    assert len(rows) >= 3
    assert depots(dsn) == before
