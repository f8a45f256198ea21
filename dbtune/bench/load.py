"""The weighted mix from many clients at once, sent by pgbench: latencies and throughput."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbtune.bench.scripts import Script, as_pgbench
from dbtune.errors import BadInput, ServerFailed
from dbtune.server.binaries import Binaries

LOCK_SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What load to send: each number of clients for `duration_s` seconds.

    `ramp_s` seconds at the start of each step do not count. `rate_tps` limits the throughput
    (None: as fast as it goes). `slo_p95_ms` is the bound that tells saturation.
    """

    clients: tuple[int, ...]
    duration_s: int = 10
    ramp_s: int = 1
    rate_tps: float | None = None
    slo_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class LoadStep:
    """What one number of clients saw. `lock_waits` is sessions waiting for a lock, on average."""

    clients: int
    tps: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    transactions: int
    failed: int
    lock_waits: float


@dataclass(frozen=True, slots=True)
class Load:
    """The steps before and after the change, in the order of their clients."""

    plan: LoadPlan
    before: tuple[LoadStep, ...]
    after: tuple[LoadStep, ...]


def saturation(steps: Sequence[LoadStep], slo_p95_ms: float) -> int | None:
    """The smallest number of clients whose 95th percentile leaves the SLO; None: none does."""
    return next((s.clients for s in steps if s.p95_ms > slo_p95_ms), None)


def best_pool(steps: Sequence[LoadStep], slo_p95_ms: float | None) -> int | None:
    """The fewest clients that reach 95 % of the best throughput within the SLO."""
    within = [s for s in steps if slo_p95_ms is None or s.p95_ms <= slo_p95_ms]
    if not within:
        return None
    best = max(s.tps for s in within)
    return min(s.clients for s in within if s.tps >= 0.95 * best)


def send_load(
    dsn: str, monitor: Connection[Any], scripts: Sequence[Script], plan: LoadPlan, pgbench: Binaries
) -> tuple[LoadStep, ...]:
    """One side's steps.

    Raises:
        BadInput: pgbench's scripts fail on this database.
        ServerFailed: pgbench cannot be started.
    """
    if not scripts:
        raise BadInput("There is no statement that a load could be made of.")
    with tempfile.TemporaryDirectory(prefix="dbtune-load-") as folder:
        files = []
        for script in scripts:
            path = Path(folder, f"{script.name}.sql")
            path.write_text(as_pgbench(script))
            files += ["-f", f"{path}@{script.weight}"]
        return tuple(
            _step(dsn, monitor, [*files], plan, clients, pgbench) for clients in plan.clients
        )


def _step(  # noqa: PLR0917 - one step's whole context
    dsn: str,
    monitor: Connection[Any],
    files: list[str],
    plan: LoadPlan,
    clients: int,
    pgbench: Binaries,
) -> LoadStep:
    with tempfile.TemporaryDirectory(prefix="dbtune-load-log-") as logs:
        command = [
            pgbench.program("pgbench"), "--no-vacuum", "--client", str(clients),
            "--jobs", str(min(clients, os.cpu_count() or 1)), "--random-seed", "1",
            "--time", str(plan.duration_s + plan.ramp_s), "--log",
            "--log-prefix", f"{logs}/latency", *files,
        ]  # fmt: skip
        if plan.rate_tps:
            command += ["--rate", str(plan.rate_tps)]
        with _pgbench(command, dsn) as process:
            waits = list(_lock_waits(monitor, process))
            _, said = process.communicate()
        if process.returncode != 0:
            raise BadInput(f"pgbench could not run the mix: {' '.join(said.split())[:300]}")
        return _read_step(Path(logs), plan, clients, waits)


@contextmanager
def _pgbench(command: list[str], dsn: str) -> Iterator[subprocess.Popen[str]]:
    """A running pgbench, ended with the block. The password stays off the command line."""
    parameters: dict[str, Any] = dict(conninfo_to_dict(dsn))
    password = parameters.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    try:
        process = subprocess.Popen(
            [*command, make_conninfo(**parameters)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
    except OSError as error:
        raise ServerFailed(f"pgbench cannot be started: {error}.") from error
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=10)


def _lock_waits(monitor: Connection[Any], process: subprocess.Popen[str]) -> Iterator[int]:
    while process.poll() is None:
        row = monitor.execute(
            "SELECT /* dbtune */ count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        ).fetchone()
        yield row[0] if row else 0
        time.sleep(LOCK_SAMPLE_S)


def _read_step(logs: Path, plan: LoadPlan, clients: int, waits: Sequence[int]) -> LoadStep:
    """Percentiles from pgbench's log: client, number, µs, script, seconds, microseconds."""
    import numpy as np  # noqa: PLC0415 - only under load

    ends: list[float] = []
    took_us: list[float] = []
    failed = 0
    for path in sorted(logs.glob("latency*")):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[2].isdigit():
                ends.append(int(words[4]) + int(words[5]) / 1e6)
                took_us.append(float(words[2]))
            else:
                failed += 1
    if not ends:
        return LoadStep(clients, 0.0, 0.0, 0.0, 0.0, 0.0, 0, failed, 0.0)
    end, latency = np.asarray(ends), np.asarray(took_us) / 1000
    counted = end >= end.min() + plan.ramp_s
    latency, end = (latency[counted], end[counted]) if counted.any() else (latency, end)
    seconds = max(float(end.max() - end.min()), 1e-3)
    p50, p95, p99 = (float(v) for v in np.percentile(latency, (50, 95, 99)))
    return LoadStep(
        clients=clients,
        tps=len(latency) / seconds,
        mean_ms=float(latency.mean()),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        transactions=len(latency),
        failed=failed,
        lock_waits=sum(waits) / len(waits) if waits else 0.0,
    )
