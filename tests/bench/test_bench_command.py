"""`dbtune bench` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbtune.cli import make_app
from dbtune.collect import collect
from dbtune.errors import DbtuneError, ExitCode
from dbtune.snapshot.file import write_snapshot
from tests.bench.place import BY_DEPOT, SCHEMA

UP = "CREATE INDEX parcel_depot ON parcel (depot);\n"


@pytest.fixture
def dsn(make_database: Callable[..., str]) -> str:
    return make_database(*SCHEMA)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "up.sql").write_text(UP)
    (tmp_path / "workload.sql").write_text(
        f"-- calls: 50\n{BY_DEPOT};\nSELECT count(*) FROM parcel;\nVACUUM parcel;\n"
    )
    return tmp_path


def bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dbtune", "bench", "--time-limit", "1", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def result(folder: Path, name: str = "out") -> dict[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = json.loads((folder / name / "bench.json").read_text())
    return loaded


def test_a_workload_file_and_a_migration(dsn: str, folder: Path) -> None:
    done = bench(
        folder, "--on", dsn, "--migration", "up.sql", "--workload", "workload.sql", "--out", "out",
        "--revert", "--target", "p95<500ms",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "faster" in done.stdout
    assert "not a query and not DML" in done.stdout
    assert "target p95<500ms" in done.stdout
    files = {f.name for f in (folder / "out").iterdir()}
    assert files == {"bench.html", "bench.md", "bench.csv", "bench.json"}
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT to_regclass('parcel_depot')").fetchone()
        assert row == (None,)

    again = bench(folder, "--on", dsn, "--migration", "up.sql", "--repeat", "out/bench.json",
                  "--revert", "--out", "again")  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert [r["task"] for r in result(folder, "again")["rows"]] == [
        r["task"] for r in result(folder)["rows"]
    ]


def test_a_report_of_analyze(dsn: str, folder: Path) -> None:
    report = {
        "meta": {"database": "parcels"},
        "statements": [{"fingerprint": "f1", "text": BY_DEPOT, "calls": 7}],
        "recommendations": [{"kind": "create_index", "ddl": UP}],
    }
    (folder / "report.json").write_text(json.dumps(report))
    done = bench(folder, "--on", dsn, "--from", ".", "--out", "out", "--revert")
    assert done.returncode == 0, done.stderr
    (row,) = result(folder)["rows"]
    assert row["task"]["calls"] == 7
    assert row["verdict"] == "faster"


def test_rows_made_from_a_snapshot(dsn: str, folder: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT * FROM parcel WHERE depot = 5")
    snapshot = subprocess.run(
        [sys.executable, "-m", "dbtune", "snapshot", dsn, "-o", "parcels.dbtune"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert snapshot.returncode == 0, snapshot.stderr
    done = bench(folder, "--synthesize", "parcels.dbtune", "--migration", "up.sql", "--out", "out")
    assert done.returncode == 0, done.stderr
    rows = {r["task"]["label"]: r for r in result(folder)["rows"]}
    assert rows["SELECT * FROM parcel WHERE depot = $1"]["verdict"] == "faster"


def test_names_mean_on_made_rows_what_they_mean_at_home(
    make_database: Callable[..., str], folder: Path
) -> None:
    dsn = make_database(
        "CREATE SCHEMA shop; CREATE TABLE shop.item (id int PRIMARY KEY, price int); "
        "INSERT INTO shop.item SELECT i, i % 50 FROM generate_series(1, 5000) i; "
        "CREATE SCHEMA attic; CREATE TABLE attic.box (id int PRIMARY KEY); "
        "INSERT INTO attic.box SELECT generate_series(1, 100); ANALYZE"
    )
    texts = ("SELECT count(*) FROM item WHERE price = 7", "SELECT max(id) FROM box")
    for schema, text in zip(("shop", "attic"), texts, strict=True):
        with psycopg.connect(dsn, options=f"-csearch_path={schema}") as connection:
            connection.execute(text.encode())
    taken = collect(dsn)
    statements = tuple(replace(s, search_path=("attic",)) for s in taken.statements)
    snapshot = replace(taken, search_path=("shop",), statements=statements)
    write_snapshot(snapshot, folder / "shop.dbtune")
    (folder / "up.sql").write_text("CREATE INDEX item_price ON shop.item (price);")
    done = bench(folder, "--synthesize", "shop.dbtune", "--migration", "up.sql", "--out", "out")
    assert done.returncode == 0, done.stderr
    measured = {r["task"]["label"] for r in result(folder)["rows"]}
    assert {"SELECT count(*) FROM item WHERE price = $1", texts[1]} <= measured


def test_a_relation_that_is_not_found_is_told_with_the_path(dsn: str, folder: Path) -> None:
    (folder / "workload.sql").write_text("SELECT * FROM nowhere;\n")
    done = bench(folder, "--on", dsn, "--migration", "up.sql", "--workload", "workload.sql")
    assert 'search_path is "$user", public' in " ".join(done.stdout.split())


def test_values_come_from_logs(dsn: str, folder: Path) -> None:
    lines = [
        f"2026-01-02 03:04:{n:02}.000 UTC [77] LOG:  duration: 0.5 ms  "
        f"execute <unnamed>: {BY_DEPOT}\n"
        f"2026-01-02 03:04:{n:02}.000 UTC [77] DETAIL:  Parameters: $1 = '{n}'\n"
        for n in range(20)
    ]
    (folder / "server.log").write_text("".join(lines))
    done = bench(folder, "--on", dsn, "--migration", "up.sql", "--workload", "workload.sql",
                 "--logs", "server.log", "--out", "out", "--revert")  # fmt: skip
    assert done.returncode == 0, done.stderr
    task = next(r["task"] for r in result(folder)["rows"] if r["task"]["label"] == BY_DEPOT)
    assert set(task["kinds"]) == {"logged"}
    values = [group[0]["values"] for group in task["before"]]
    assert values == [[str(n)] for n in range(0, 18, 3)]


def test_a_project_is_written_instead(dsn: str, folder: Path) -> None:
    done = bench(folder, "--on", dsn, "--workload", "workload.sql", "--export", "locust", "load")
    assert done.returncode == 0, done.stderr
    assert "load/locustfile.py" in done.stdout
    assert "depot" in (folder / "load" / "mix.json").read_text()


def test_what_is_measured_is_not_the_workload_of_a_later_reading(dsn: str, folder: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute(b"SELECT max(depot) FROM parcel")
        connection.execute("COMMIT")
    before = [(s.text, s.calls) for s in collect(dsn).statements]
    done = bench(folder, "--on", dsn, "--migration", "up.sql", "--revert", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "SELECT max(depot) FROM parcel" in done.stdout
    assert "BEGIN" not in done.stdout
    changed = {*((s.text, s.calls) for s in collect(dsn).statements)} - {*before}
    assert changed == set()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), ExitCode.USAGE, "--on DSN"),
        (("--on", "{dsn}"), ExitCode.USAGE, "--migration FILE"),
        (("--on", "{dsn}", "--migration", "absent.sql"), ExitCode.USAGE, "absent.sql"),
        (("--demo", "--migration", "absent.sql"), ExitCode.USAGE, "absent.sql"),
        (("--demo", "--workload", "absent.sql"), ExitCode.USAGE, "absent.sql"),
        (("--demo", "--repeat", "up.sql"), ExitCode.USAGE, "up.sql is not JSON"),
        (("--demo", "--on", "{dsn}"), ExitCode.USAGE, "all but one of --on, --demo"),
        (("--demo", "--slo", "p95=50ms"), ExitCode.USAGE, "--clients"),
        (("--on", "{dsn}", "--from", "up.sql"), ExitCode.USAGE, "up.sql is not JSON"),
        (("--on", "{dsn}", "--migration", "up.sql", "--target", "x"), ExitCode.USAGE, "p95<50ms"),
        (("--on", "{dsn}", "--migration", "up.sql", "--clients", "0"), ExitCode.USAGE, "--clients"),
        (("--on", "{dsn}", "--migration", "up.sql", "--clients", "2", "--slo", "5"),
         ExitCode.USAGE, "p95=50ms"),
        (("--on", "{dsn}", "--workload", "workload.sql", "--export", "ab", "load"),
         ExitCode.USAGE, "locust"),
        (("--on", "postgresql://me:s3cret@127.0.0.1:1/x", "--migration", "up.sql"),
         ExitCode.CONNECTION, "Cannot connect"),
        (("--on", "no such words", "--migration", "up.sql"), ExitCode.USAGE, "connection string"),
        (("--restore", "up.sql", "--on", "{dsn}"), ExitCode.USAGE, "not a readable journal"),
        (("--on", "{dsn}", "--migration", "up.sql", "--repeat", "report.txt"),
         ExitCode.USAGE, "report.txt"),
        (("--on", "{dsn}", "--migration", "up.sql", "--workload", "workload.sql", "--out",
          "up.sql/x"), ExitCode.USAGE, "Cannot write"),
    ],
)  # fmt: skip
def test_bad_input_is_told(dsn: str, words: tuple[str, ...], code: ExitCode, said: str) -> None:
    with pytest.raises(DbtuneError) as told:
        make_app()(["bench", *(w.format(dsn=dsn) for w in words)], standalone_mode=False)
    assert told.value.exit_code == code
    assert said in str(told.value)
    assert "s3cret" not in str(told.value)
