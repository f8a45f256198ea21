"""`dbtune synthesize` as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dbtune.collect import collect
from dbtune.snapshot.file import write_snapshot
from tests.synthesize.conftest import ask

pytestmark = pytest.mark.pg(">= 15")


@pytest.fixture
def file(make_database: Callable[..., str], tmp_path: Path) -> Path:
    """A snapshot of one small table."""
    path = tmp_path / "small.dbtune"
    dsn = make_database(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 300); ANALYZE"
    )
    write_snapshot(collect(dsn), path)
    return path


def dbtune(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dbtune", "synthesize", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scale", "inf"], "no number of rows"),
        (["--relation", "a"], "is no scale"),
        (["--relation", "a=-1"], "is no scale"),
        (["--relation", "b=1"], "has no relation b"),
        (["--scale", "1e12"], "Run it again with --scale"),
        (["--into", "nonsense"], "not a connection string"),
    ],
)
def test_what_will_not_do_is_refused_in_one_paragraph(
    file: Path, options: list[str], words: str
) -> None:
    done = dbtune(str(file), *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_server_is_told(file: Path) -> None:
    done = dbtune(str(file), "--into", "host=/nowhere password=hush dbname=x")
    assert done.returncode == 3
    assert "Cannot connect" in done.stderr
    assert "hush" not in done.stderr


def test_a_database_that_the_user_named(file: Path, empty_database: Callable[[], str]) -> None:
    target = empty_database()
    done = dbtune(str(file), "--into", target, "--relation", "a=0.5", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "schema": 1, "dsn": None, "rows": {"a": 150}, "notes": [],
    }  # fmt: skip
    assert "cannot be seen" in done.stderr
    assert ask(target, "SELECT count(*) FROM a") == [(150,)]


def test_the_embedded_server_serves_until_interrupted(file: Path) -> None:
    command = [sys.executable, "-m", "dbtune", "synthesize", str(file), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    dsn = json.loads(process.stdout.readline())["dsn"]
    assert ask(dsn, "SELECT count(*) FROM a") == [(300,)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not Path(str(conninfo_to_dict(dsn)["host"])).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)
