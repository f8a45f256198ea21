"""Logs of a real server, in every format it writes: the same traffic, whatever the format."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dbtune.collect.logs import read_logs
from dbtune.errors import BadInput
from dbtune.traffic import Traffic
from tests.logs.conftest import LOGGING, LoggingServer

Logged = Callable[[Callable[[str], None]], dict[str, Path]]


def _work(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, application_name="shop") as c:
        c.execute("DROP TABLE IF EXISTS part; CREATE TABLE part (id int, name text)")
        for number in range(7):  # extended protocol; prepared by the server from the sixth on
            c.execute("SELECT name FROM part WHERE id = %s", (number,), prepare=number > 4)
        with c.transaction():
            for name in ("it's", 'a "quoted"\n  line', "comma, done", "back\\slash"):
                c.execute("INSERT INTO part VALUES (%s, %s)", (1, name))
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as c:
        for number in range(5):  # simple protocol: literals stand in the text
            c.execute(
                "SELECT id\nFROM part\nWHERE name = %s AND id IN (%s, %s)",
                (f"it's {number}\n", number, -number),
            )
        with pytest.raises(psycopg.errors.DivisionByZero):
            c.execute("SELECT 1/0 FROM part")


def _counts(traffic: Traffic) -> dict[str, int]:
    return {s.text.split("/*")[0].strip(): s.calls for s in traffic.shapes if s.calls}


def test_every_format_tells_the_same(logged: Logged) -> None:
    files = logged(_work)
    read = {
        n: read_logs([path], line_prefix=LOGGING["log_line_prefix"]) for n, path in files.items()
    }
    assert _counts(read["csvlog"])["SELECT name FROM part WHERE id = $1"] == 7
    assert _counts(read["csvlog"])["INSERT INTO part VALUES ($1, $2)"] == 4
    for name, traffic in read.items():
        assert _counts(traffic) == _counts(read["csvlog"]), name
        units = [(u.shapes, u.transactions, u.values, u.application) for u in traffic.units]
        assert units == [
            (u.shapes, u.transactions, u.values, u.application) for u in read["csvlog"].units
        ], name
        assert traffic.damaged_lines == 0


def test_units_keep_order_transactions_and_values(logged: Logged) -> None:
    traffic = read_logs([logged(_work)["csvlog"]])
    extended, simple = traffic.units
    assert extended.application == "shop"
    assert extended.transactions == (-1,) * 7 + (0,) * 4
    assert [v.split("= ")[1] for v in extended.values[:7] if v] == [f"'{n}'" for n in range(7)]
    assert len(set(simple.shapes)) == 1
    assert len(extended.idle_ms) == len(extended.shapes)


def test_packed_rotated_and_piped_files_are_read(
    logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = logged(_work)
    whole = _counts(read_logs([files["csvlog"]]))
    folder = tmp_path / "rotated"
    folder.mkdir()
    lines = files["csvlog"].read_bytes().splitlines(keepends=True)
    with gzip.open(folder / "1.csv.gz", "wb") as packed:
        packed.writelines(lines[:6])
    (folder / "2.csv").write_bytes(b"".join(lines[6:]))
    assert _counts(read_logs([folder])) == whole
    for path in files.values():
        piped = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
        monkeypatch.setattr(sys, "stdin", piped)
        assert _counts(read_logs([Path("-")])) == whole


def test_syslog_lines_are_read(logged: Logged, tmp_path: Path) -> None:
    stderr = logged(_work)["stderr"]
    lines = []
    number = 0
    for line in stderr.read_text().splitlines():
        if not line.startswith("\t"):
            number += 1
        text = line.replace("\t", "#011", 1) if line.startswith("\t") else line
        lines.append(f"Nov 21 08:05:59 db1 postgres[77]: [{number}-1] {text}\n")
    target = tmp_path / "messages"
    target.write_text("".join(lines))
    assert _counts(read_logs([target])) == _counts(read_logs([stderr]))


@pytest.mark.parametrize("plan_format", ["text", "json"])
def test_auto_explain_counts_where_nothing_else_logs(
    logged: Logged, logging_server: LoggingServer, plan_format: str
) -> None:
    def work(dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as c:
            c.execute("DROP TABLE IF EXISTS piece; CREATE TABLE piece (id int, name text)")
            c.execute("LOAD 'auto_explain'")
            c.execute(f"SET auto_explain.log_format = {plan_format}".encode())
            c.execute("SET auto_explain.log_min_duration = 0; SET log_min_duration_statement = -1")
            for number in range(6):
                c.execute("SELECT name\nFROM piece WHERE id = %s", (number,))

    files = logged(work)
    with_plans_only = [line for line in files["csvlog"].read_text().split("\n2") if "plan:" in line]
    files["csvlog"].write_text("\n".join("2" + line.lstrip("2") for line in with_plans_only) + "\n")
    traffic = read_logs([files["csvlog"]])
    assert _counts(traffic) == {"SELECT name\nFROM piece WHERE id = $1": 6}
    if logging_server.major >= 16:
        assert [value and value[-2] for value in traffic.units[0].values] == list("012345")


def test_a_file_without_statements_says_what_to_switch_on(tmp_path: Path) -> None:
    empty = tmp_path / "server.log"
    empty.write_text("2026-11-21 08:05:59.031 UTC [7] LOG:  database system is ready\n")
    with pytest.raises(BadInput, match="log_min_duration_statement"):
        read_logs([empty])
    with pytest.raises(BadInput, match="cannot be read"):
        read_logs([tmp_path / "missing.csv"])
