"""The proof of the advice: built on a clone, measured, what slows a statement replaced."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dbtune.advice import CreateIndex
from dbtune.bench.switch import indexes_of
from dbtune.collect import collect
from dbtune.errors import BadInput, CannotConnect
from dbtune.options import AnalyzeOptions, VerifyOptions
from dbtune.pipeline import analyze
from dbtune.snapshot.file import write_snapshot
from dbtune.snapshot.model import Snapshot, StatementStatistics
from tests.bench.place import BY_DEPOT, SCHEMA
from tests.bench.test_interruption import wait_until_blocked

PATIENCE_S = 60

EVENTS = (
    "CREATE TABLE event (id int PRIMARY KEY, kind int NOT NULL, at timestamptz NOT NULL, "
    "payload text NOT NULL)",
    # What is rare is at the end, where nobody who walks along the times comes soon.
    """INSERT INTO event SELECT g, CASE WHEN g > 196000 THEN 7 ELSE g % 5 END,
    timestamptz '2024-01-01' + g * interval '1 minute', repeat('x', 160)
    FROM generate_series(1, 200000) g""",
    "CREATE INDEX event_kind ON event (kind)",
    "VACUUM ANALYZE",
)
BY_TIME = "SELECT * FROM event WHERE at BETWEEN '2024-02-01' AND '2024-02-01 06:00'"
FIRST_OF_A_KIND = "SELECT * FROM event WHERE kind = 7 ORDER BY at LIMIT 10"
UNTOUCHED = "SELECT * FROM event WHERE id = 5"


def snapshot_with(dsn: str, *statements: tuple[str, int]) -> Snapshot:
    """The snapshot of a database, with a workload of our own."""
    workload = tuple(StatementStatistics(text, calls, source="file") for text, calls in statements)
    return replace(collect(dsn), statements=workload, readings=())


def options(on: str, folder: Path, time_limit_s: float = 1.0) -> AnalyzeOptions:
    journal = folder / "journal.json"
    return AnalyzeOptions(verify=VerifyOptions(on, journal, time_limit_s=time_limit_s))


def definitions(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return {i.name: i.definition for i in indexes_of(connection)}


def test_what_makes_a_statement_slower_is_replaced(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    """Walking an index along the order looks cheap, but the rows wanted are at its end."""
    target, clone = make_database(*EVENTS), make_database(*EVENTS)
    before = definitions(clone)
    snapshot = snapshot_with(target, (BY_TIME, 2000), (FIRST_OF_A_KIND, 1), (UNTOUCHED, 50))
    plain = [str(r.change.spec) for r in analyze(snapshot).report.recommendations
             if isinstance(r.change, CreateIndex)]  # fmt: skip
    assert plain == ["event(at)"]

    report = analyze(snapshot, options(clone, tmp_path)).report

    proof = report.verification
    assert proof is not None
    assert not proof.stopped
    assert [(r.what, "slower" in r.reason) for r in proof.rejected] == [("event(at)", True)]
    assert proof.rejected[0] in report.declined
    assert proof.sets == 2
    assert proof.count("slower") == 0
    assert proof.unchanged == 2
    (recommendation,) = [r for r in report.recommendations if isinstance(r.change, CreateIndex)]
    assert isinstance(recommendation.change, CreateIndex)
    assert str(recommendation.change.spec) == "event(at) using brin"
    (measured,) = recommendation.measured
    assert measured.verdict == "faster"
    assert measured.after_ms < 0.8 * measured.before_ms
    assert measured.predicted is not None
    assert recommendation.built_bytes
    evidence = [f.evidence for f in report.findings if f.rule == "missing-index"]
    assert [e["measured_after_ms"] < e["measured_before_ms"] for e in evidence] == [True]
    assert definitions(clone) == before == definitions(target)
    assert not (tmp_path / "journal.json").exists()


def test_writes_that_lose_more_than_reads_win(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    """A rule asks for an index that only writes will feel."""
    tables = (
        "CREATE TABLE depot (id int PRIMARY KEY)",
        "CREATE TABLE parcel (id int PRIMARY KEY, depot int REFERENCES depot, label text)",
        "INSERT INTO depot SELECT g FROM generate_series(1, 500) g",
        "INSERT INTO parcel SELECT g, 1 + g % 500, md5(g::text) FROM generate_series(1, 60000) g",
        "VACUUM ANALYZE",
    )
    target, clone = make_database(*tables), make_database(*tables)
    many = (  # without a depot there is none to look up, and the index counts for more
        "INSERT INTO parcel (id, depot, label) SELECT 100000 + g, NULL, 'x' "
        "FROM generate_series(1, 20000) g"
    )
    snapshot = snapshot_with(target, (many, 1000))
    report = analyze(snapshot, options(clone, tmp_path, time_limit_s=10.0)).report
    proof = report.verification
    assert proof is not None
    assert [("parcel" in r.what, "cost its writes" in r.reason) for r in proof.rejected] == [
        (True, True)
    ]
    assert not [r for r in report.recommendations if isinstance(r.change, CreateIndex)]


def test_rows_made_from_the_statistics_will_do(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    snapshot = snapshot_with(make_database(*SCHEMA), (BY_DEPOT.replace("$1", "5"), 100))
    report = analyze(snapshot, options("synthesize:0.5", tmp_path)).report
    assert report.verification is not None
    assert "scale 0.5" in report.verification.place
    assert [m.verdict for m in report.verification.measured] == ["faster"]


def test_where_nothing_may_be_built(make_database: Callable[..., str], tmp_path: Path) -> None:
    target = make_database(*SCHEMA)
    before = definitions(target)
    snapshot = snapshot_with(target, (BY_DEPOT.replace("$1", "5"), 100))
    with pytest.raises(BadInput, match="the database that is being analysed"):
        analyze(snapshot, options(target, tmp_path))
    used = make_database(*SCHEMA)
    with psycopg.connect(used, application_name="shop"), pytest.raises(BadInput, match="in use"):
        analyze(snapshot, options(used, tmp_path))
    unknown = make_database("CREATE TABLE parcel (id int)", "INSERT INTO parcel VALUES (1)")
    with pytest.raises(BadInput, match="VACUUM ANALYZE"):
        analyze(snapshot, options(unknown, tmp_path))
    other = make_database("CREATE TABLE elsewhere (id int)")
    with pytest.raises(BadInput, match="parcel"):
        analyze(snapshot, options(other, tmp_path))
    with pytest.raises(CannotConnect) as refusal:
        analyze(snapshot, options("postgresql://nobody:s3cret@127.0.0.1:1/x", tmp_path))
    assert "s3cret" not in str(refusal.value)
    assert definitions(target) == before
    assert not list(tmp_path.iterdir())


def start(snapshot: Path, clone: str, folder: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "dbtune", "analyze", str(snapshot), "--verify-on", clone, "--out",
        str(folder / "out"), "--i-know-this-is", str(conninfo_to_dict(clone)["dbname"]),
    ]  # fmt: skip
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    )


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL", "lost session"])
def test_however_it_ends_the_clone_is_as_found(
    make_database: Callable[..., str], tmp_path: Path, how: str
) -> None:
    """The index is built; its first hiding waits for a lock that we hold."""
    target, clone = make_database(*SCHEMA), make_database(*SCHEMA)
    before = definitions(clone)
    file = tmp_path / "snapshot.dbtune"
    write_snapshot(snapshot_with(target, (BY_DEPOT.replace("$1", "5"), 100)), file)
    with psycopg.connect(clone) as holder, psycopg.connect(clone, autocommit=True) as observer:
        holder.execute("SELECT 1 FROM parcel WHERE id = 1")  # ACCESS SHARE until the end
        process = start(file, clone, tmp_path)
        waiting = wait_until_blocked(observer, "DROP INDEX")
        built = "SELECT count(*) FROM pg_class WHERE relname LIKE 'dbtune_verify%'"
        assert observer.execute(built.encode()).fetchone() == (1,)
        if how == "lost session":
            observer.execute("SELECT pg_terminate_backend(%s)", (waiting,))
        else:
            process.send_signal(signal.Signals[how])
        holder.rollback()
        out, err = process.communicate(timeout=PATIENCE_S)
    journal = tmp_path / "out" / "journal.json"
    if how == "SIGKILL":
        assert journal.exists()
        subprocess.run(
            [sys.executable, "-m", "dbtune", "bench", "--restore", journal, "--on", clone],
            capture_output=True, text=True, check=True, cwd=tmp_path,
        )  # fmt: skip
    else:
        assert process.returncode == (0 if how == "lost session" else 130), err
        assert "Traceback" not in err
        assert "Ended early" in out
        document: dict[str, Any] = json.loads((tmp_path / "out" / "report.json").read_text())
        assert document["verification"]["stopped"]
        assert document["recommendations"]
    assert definitions(clone) == before
    assert not journal.exists()
