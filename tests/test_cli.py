"""The command line: exit codes, one paragraph per error, no traceback, no password."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbtune import __version__
from dbtune.collect import collect
from dbtune.snapshot.file import write_snapshot

PASSWORD = "correct-horse-battery"


def dbtune(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "DBTUNE_"))}
    return subprocess.run(
        [sys.executable, "-m", "dbtune", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**kept, **environment},
    )


def assert_one_paragraph(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert done.stderr.strip()
    assert "\n\n" not in done.stderr.strip()
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["analyze", "missing.dbtune"], 2, ["missing.dbtune"]),
        (["analyze", f"postgresql://u:{PASSWORD}@127.0.0.1:1/x"], 3, ["127.0.0.1"]),
        (["analyze", f"host=127.0.0.1 port=1 password={PASSWORD}"], 3, ["127.0.0.1"]),
        (["analyze", f"postgresql://u:{PASSWORD}@[bad"], 2, []),
        (["analyze", "service=nowhere"], 3, ["nowhere"]),
        (["analyze", ""], 2, ["TARGET is empty"]),
        (["baseline", " "], 2, ["TARGET is empty"]),
        (["analyze", "x.dbtune", "--budget", "plenty"], 2, ["--budget", "plenty"]),
    ],
)
def test_bad_usage(arguments: list[str], code: int, words: list[str], tmp_path: Path) -> None:
    assert_one_paragraph(dbtune(*arguments, cwd=tmp_path), code, *words)


@pytest.mark.parametrize("arguments", [["nonsense"], ["analyze", "--no-such-option"]])
def test_unknown_words_are_usage_errors(arguments: list[str], tmp_path: Path) -> None:
    done = dbtune(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr
    assert "Usage:" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "x.dbtune", "--dialect", "rails", "--dialect", "django"],
        ["bench", "--demo", "--seed=1", "--seed=1"],
        ["rules", "show", "n-plus-one", "--rules", "a", "--rules", "b"],
    ],
)
def test_of_two_values_none_wins_unseen(arguments: list[str], tmp_path: Path) -> None:
    done = dbtune(*arguments, cwd=tmp_path)
    option = arguments[-2].partition("=")[0]
    assert done.returncode == 2
    assert f"{option} is given more than once" in done.stderr


def test_lists_and_flags_may_be_given_twice(tmp_path: Path) -> None:
    twice = ["--format", "json", "--format", "md", "--strict", "--strict"]
    done = dbtune("analyze", "missing.dbtune", *twice, cwd=tmp_path)
    assert_one_paragraph(done, 2, "missing.dbtune")


def test_a_damaged_snapshot(tmp_path: Path) -> None:
    (tmp_path / "x.dbtune").write_bytes(b"not a snapshot at all")
    assert_one_paragraph(dbtune("analyze", "x.dbtune", cwd=tmp_path), 2, "x.dbtune")


def test_a_setting_that_no_command_has(tmp_path: Path) -> None:
    (tmp_path / "dbtune.toml").write_text("no-such-thing = 1\n")
    done = dbtune("analyze", "x.dbtune", cwd=tmp_path)
    assert_one_paragraph(done, 2, "dbtune.toml", "no-such-thing")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("DBTUNE_MIN_CALLS", "x", "valid integer"),
        ("DBTUNE_MIN_GAIN", "101", "100"),
        ("DBTUNE_OBJECTIVE", "beauty", "'time'"),
    ],
)
def test_a_variable_with_a_bad_value_is_named(
    name: str, value: str, word: str, tmp_path: Path
) -> None:
    done = dbtune("analyze", "x.dbtune", cwd=tmp_path, **{name: value})
    assert_one_paragraph(done, 2, f"environment variable {name}: '{value}'", word)


def test_a_setting_with_a_bad_value_is_named(tmp_path: Path) -> None:
    (tmp_path / "dbtune.toml").write_text("[analyze]\ntop = 'many'\n")
    done = dbtune("analyze", "x.dbtune", cwd=tmp_path)
    assert_one_paragraph(done, 2, "dbtune.toml analyze.top: 'many'", "integer")


def test_wrong_database_is_named(database: str, tmp_path: Path) -> None:
    dsn = make_conninfo(database, dbname="no_such_database")
    assert_one_paragraph(dbtune("analyze", dsn, cwd=tmp_path), 3, "no_such_database")


def test_an_unwritable_out_folder(database: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    done = dbtune("analyze", database, "--out", "file", cwd=tmp_path)
    assert_one_paragraph(done, 2, "file", "--out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyze", "--format", "md=none/x.md"], "none/x.md: No such file or directory. Name "
         "another place with --format md=FILE."),
        (["analyze", "-o", "file/out"], "--out"),
        (["analyze", "--format", "poem"], "poem"),
        (["snapshot", "-o", "file/x.dbtune"], "--out"),
        (["baseline", "-o", "none/x.json"], "--out"),
        (["bench", "--demo", "--out", "file"], "--out"),
        (["bench", "--demo", "--export", "locust", "file/load"], "--export"),
        (["demo", "--out", "file/out"], "--out"),
        (["check", "--snapshot", "x.dbtune", "--format", "sarif=none/x"], "--format sarif=FILE"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_before_the_work(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    server = {"PGHOST": "127.0.0.1", "PGPORT": "1"}  # which nobody gets to connect to
    assert_one_paragraph(dbtune(*arguments, cwd=tmp_path, **server), 2, words)


def test_what_the_twin_lacks_is_told_only_where_it_may_be_the_cause(
    database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    snapshot = replace(collect(database), relations=())
    server = replace(snapshot.server, version_num=160000)
    write_snapshot(replace(snapshot, server=server), tmp_path / "x.dbtune")
    done = dbtune("explain", "x.dbtune", "SELECT * FROM nowhere", cwd=tmp_path)
    assert_one_paragraph(done, 2, 'relation "nowhere" does not exist.')
    assert "lacks" not in done.stderr


def test_a_schema_that_is_not_there_is_told_with_those_that_are(
    database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int); CREATE SCHEMA shop; CREATE TABLE shop.t ()")
    write_snapshot(collect(database), tmp_path / "x.dbtune")
    for target in (database, "x.dbtune"):
        done = dbtune("analyze", target, "--schema", "shpo", cwd=tmp_path)
        assert_one_paragraph(done, 2, "--schema shpo", "public, shop")


def test_the_time_of_reading_a_snapshot_is_told(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    assert dbtune("snapshot", database, "-o", "x.dbtune", cwd=tmp_path).returncode == 0
    for target, first in ((database, "connect"), ("x.dbtune", "read snapshot")):
        done = dbtune("analyze", target, "--timings", cwd=tmp_path)
        assert done.stderr.startswith(f"{first} ")


def test_a_broken_rule_file_is_named(database: str, tmp_path: Path) -> None:
    rules = tmp_path / "mine"
    rules.mkdir()
    (rules / "bad.yaml").write_text("id: bad\ndetector: nothing-such\n")
    done = dbtune("analyze", database, "--rules", "mine", cwd=tmp_path)
    assert_one_paragraph(done, 2, "bad.yaml")


def test_ctrl_c_leaves_no_server_and_no_half_written_file(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as blocker:
        blocker.execute("CREATE TABLE t (id int PRIMARY KEY)")
        command = [sys.executable, "-m", "dbtune", "demo", "--scale", "0.01"]
        running = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            _, said = running.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
    # Interrupted inside exec() of a text (a dataclass being made, say) Python ends by the signal
    # itself; a shell reports 130 for both.
    assert running.returncode in (130, -signal.SIGINT), said
    assert "Traceback" not in said
    assert "interrupted" in said
    assert list(tmp_path.iterdir()) == []


def test_the_version_needs_no_command(tmp_path: Path) -> None:
    done = dbtune("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"dbtune {__version__}\n", "")


def test_help_imports_nothing_heavy() -> None:
    heavy = {"psycopg", "sqlglot", "jinja2", "rich", "yaml", "highspy", "numpy", "msgspec"}
    program = (
        "import sys; sys.argv = ['dbtune', '--help']\n"
        "from dbtune.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["--version"], ["rules"], ["rules", "--json"]])
def test_a_full_disk_is_told_and_a_closed_pipe_is_not(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "dbtune", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("dbtune: Cannot write the output: No space left on device.")
    assert done.stderr.count("\n") == 1
    reading, writing = os.pipe()
    os.close(reading)
    closed = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert closed.stderr == b""
    assert closed.returncode == 128 + signal.SIGPIPE
