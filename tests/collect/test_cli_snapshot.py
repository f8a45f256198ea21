"""`dbtune snapshot` as a user runs it: a process, its output, its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dbtune.cli.snapshot import seconds
from dbtune.errors import BadInput
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import Cluster, running_cluster
from dbtune.snapshot.file import read_snapshot

SCHEMA = (
    "CREATE TABLE item AS SELECT i, 'planted' || i % 5 AS v FROM generate_series(1, 99) i; ANALYZE"
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return subprocess.run(
        [sys.executable, "-m", "dbtune", "snapshot", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**clean, **environment},
    )


def test_a_snapshot_is_written_and_what_is_missing_is_told(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "prod.dbtune"
    done = run(make_database(SCHEMA, "DROP EXTENSION pg_stat_statements"), "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert "1 relations, 0 indexes, 0 statements" in done.stdout
    assert "It holds values of rows" in done.stdout
    assert "To mend it: CREATE EXTENSION pg_stat_statements" in done.stderr
    assert [r.name.name for r in read_snapshot(path).relations] == ["item"]


def test_the_environment_is_the_target_as_for_psql(
    make_database: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "prod.dbtune"
    names = {"host": "PGHOST", "user": "PGUSER", "dbname": "PGDATABASE", "port": "PGPORT"}
    words = conninfo_to_dict(make_database(SCHEMA))
    environment = {names[k]: str(v) for k, v in words.items() if k in names}
    assert run("-o", str(path), "--redact", **environment).returncode == 0
    assert read_snapshot(path).redacted
    service = tmp_path / "services"
    service.write_text("[shop]\n" + "".join(f"{k}={v}\n" for k, v in words.items()))
    done = run("service=shop", "-o", str(path), PGSERVICEFILE=str(service))
    assert done.returncode == 0, done.stderr
    assert not read_snapshot(path).redacted


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """A server that wants a password of role `shop`."""
    with running_cluster(wheel_binaries()) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE shop LOGIN PASSWORD 'right one'")
            hba = cluster.data_dir / "pg_hba.conf"
            hba.write_text("local all postgres trust\nlocal all shop scram-sha-256\n")
            before = load_time(cluster)
            connection.execute("SELECT pg_reload_conf()")
        while load_time(cluster) == before:  # the server reloads when it comes to it
            continue
        yield cluster


def load_time(cluster: Cluster) -> object:
    """When the server that answers new sessions last read its configuration."""
    with psycopg.connect(cluster.dsn()) as connection:
        return connection.execute("SELECT pg_conf_load_time()").fetchone()


def test_a_wrong_password_is_told_and_never_shown(guarded: Cluster, tmp_path: Path) -> None:
    target = f"host='{guarded.home}' user=shop dbname=postgres password='Planted Pass!'"
    done = run(target, "-o", str(tmp_path / "x.dbtune"))
    assert done.returncode == 3
    assert done.stderr.startswith("dbtune: Cannot connect: ")
    assert "password authentication failed" in done.stderr
    assert "Planted" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_is_told_in_whole_sentences(tmp_path: Path) -> None:
    done = run("host=127.0.0.1 port=1 user=shop dbname=shop", "-o", str(tmp_path / "x.dbtune"))
    assert done.returncode == 3
    assert "failed: Connection refused. Check host and port" in done.stderr


def test_a_password_file_is_read_as_psql_does(guarded: Cluster, tmp_path: Path) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:shop:right one\n")
    passwords.chmod(0o600)
    target = f"host='{guarded.home}' user=shop dbname=postgres"
    done = run(target, "-o", str(tmp_path / "x.dbtune"), PGPASSFILE=str(passwords))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["postgresql://u:planted@no-such-host.invalid/d"], 3, "Check the spelling of the host"),
        (["host=/nowhere"], 3, "No such file or directory"),
        (["postgresql:/u:planted@h/d"], 2, "not a connection string"),
        (["password=planted host"], 2, "not a connection string"),
        (["host=/nowhere", "--watch", "soon"], 2, "is no length of time"),
    ],
)
def test_bad_input_is_told_in_one_paragraph(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = run(*arguments, "-o", str(tmp_path / "x.dbtune"))
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.startswith("dbtune: ")
    assert "planted" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_lengths_of_time() -> None:
    texts = ("0s", "90", "1.5s", "2min", "2m", "1h", "250ms")
    assert [seconds(t) for t in texts] == [0, 90, 1.5, 120, 120, 3600, 0.25]
    for wrong in ("", "-1s", "1 d", "s"):
        with pytest.raises(BadInput):
            seconds(wrong)
