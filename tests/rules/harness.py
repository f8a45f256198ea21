"""Rule cases: stories in YAML, told to a real server and judged by one rule."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
import yaml

from dbtune.advisor import advise
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.collect.logs import read_logs
from dbtune.migration import Step as MigrationStep
from dbtune.progress import Silent
from dbtune.rules.judge import Judgement, judge
from dbtune.rules.load import load_rules
from dbtune.snapshot.model import Counter, Reading, Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.traffic import Traffic
from dbtune.twin.twin import open_twin
from dbtune.workload import Workload

FOLDER = Path(__file__).parent


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """SQL that is run; `fails` says that the server must refuse it (and keeps what it left)."""

    sql: str
    times: int = 1
    fails: bool = False


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    """A finding that must be there. `cured: false` says that dbtune writes no SQL for it."""

    subject: str
    severity: str = ""
    confidence: str = ""
    says: str = ""
    cured: bool = True


class LookAlike(msgspec.Struct, forbid_unknown_fields=True):
    """A relation or index that looks like a finding and is none, and why."""

    subject: str
    because: str


class Called(msgspec.Struct, forbid_unknown_fields=True):
    """A statement of the workload with what pg_stat_statements would count of it."""

    sql: str
    calls: int = 1000
    rows: int = 0
    mean_ms: float = 1.0


class Logged(msgspec.Struct, forbid_unknown_fields=True):
    """A statement of a logged transaction; `{n}` counts its runs from 1."""

    sql: str
    runs: int = 1


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One story. `observed_days` moves the beginning of the statistics back in the snapshot.

    `readings` is how often pg_stat_statements was read while the statements' calls went up.
    """

    name: str
    setup: list[str | Step]
    finds: list[Expected]
    silent: list[LookAlike]
    pg: str = ">= 13"
    traffic: list[Step] = []
    statements: list[Called] = []
    logged: list[list[Logged]] = []
    observed_days: float | None = None
    readings: int = 1
    reverts: bool = True


def cases() -> list[tuple[str, Case]]:
    """Every case with its rule's id, which is the file's name."""
    found = []
    for file in sorted(FOLDER.glob("*.yaml")):
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
        found += [(file.stem, case) for case in msgspec.convert(loaded, list[Case])]
    return found


def run(dsn: str, steps: Sequence[str | Step]) -> None:
    """Run each step in autocommit; one that should fail and does not is an error, and reversely."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for step in steps:
            wanted = Step(step) if isinstance(step, str) else step
            for _ in range(wanted.times):
                if wanted.fails:
                    with pytest.raises(psycopg.Error):
                        connection.execute(wanted.sql.encode())
                else:
                    connection.execute(wanted.sql.encode())


def snapshot_of(dsn: str, case: Case) -> Snapshot:
    """The database as collected, with the case's statements and beginning of the statistics."""
    statements = tuple(map(_counted, case.statements))
    readings = tuple(_reading(case, at) for at in range(case.readings)) if case.readings > 1 else ()
    snapshot = dataclasses.replace(collect(dsn), statements=statements, readings=readings)
    if case.observed_days is None:
        return snapshot
    since = datetime.fromisoformat(snapshot.captured_at) - timedelta(days=case.observed_days)
    server = dataclasses.replace(snapshot.server, stats_reset_at=since.isoformat())
    return dataclasses.replace(snapshot, server=server)


def _reading(case: Case, at: int) -> Reading:
    """The counters at one of several readings, evenly spread."""
    part = at / (case.readings - 1)
    counters = (Counter(round(c.calls * part), round(c.rows * part), 0.0) for c in case.statements)
    return Reading(str(at), tuple(counters))


def _counted(called: Called) -> StatementStatistics:
    return StatementStatistics(
        text=called.sql,
        calls=called.calls,
        rows=called.rows,
        total_exec_ms=called.calls * called.mean_ms,
        mean_exec_ms=called.mean_ms,
    )


def judged(snapshot: Snapshot, rule: str, traffic: Traffic | None = None) -> Judgement:
    """What one rule says of a snapshot, and of traffic beside it."""
    workload = dataclasses.replace(_workload(snapshot), traffic=traffic)
    return judge(workload, load_rules(), select=[rule])


def traffic_of(case: Case, folder: Path) -> Traffic | None:
    """What the server would log of the case's transactions, one session each, as it is read."""
    if not case.logged:
        return None
    file = folder / "traffic.json"
    with file.open("w", encoding="utf-8") as out:
        for session, transaction in enumerate(case.logged, 1):
            texts = [one.sql.format(n=n) for one in transaction for n in range(1, one.runs + 1)]
            for line, text in enumerate(texts, 1):
                at = datetime(2030, 1, 1, session % 24, tzinfo=UTC)
                entry = {
                    "timestamp": f"{at:%Y-%m-%d %H:%M:%S}.{line:03} UTC",
                    "session_id": f"{session:x}.1", "line_num": line, "vxid": f"{session}/7",
                    "error_severity": "LOG", "message": f"duration: 0.1 ms  statement: {text}",
                }  # fmt: skip
                out.write(json.dumps(entry) + "\n")
    return read_logs([file])


def _workload(snapshot: Snapshot) -> Workload:
    if not snapshot.statements:
        return Workload(snapshot, ())
    with open_twin(snapshot) as twin:
        workload = assemble_workload(snapshot, twin, Scope(), Silent())
        return dataclasses.replace(workload, advice=advise(workload, twin))


def migrate(dsn: str, steps: Sequence[MigrationStep]) -> None:
    """Run a migration's steps one by one."""
    run(dsn, [step.sql for step in steps])
