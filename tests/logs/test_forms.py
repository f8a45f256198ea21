"""Logs as they lie about: older and newer servers, shippers' wrappings, other tongues, damage."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest

from dbtune.collect.logs import read_logs, snapshot_of_logs
from dbtune.collect.logs.gaps import settings_gaps
from dbtune.errors import BadInput
from dbtune.options import AnalyzeOptions
from dbtune.pipeline import analyze
from dbtune.traffic import Traffic
from tests.benchmarks.logs import damaged_copy

LOOKUP = "SELECT name FROM part WHERE id = $1"
PARENT = "SELECT id FROM part ORDER BY id LIMIT 20"
WIDTHS = {12: 23, 13: 24, 14: 26, 19: 27}


def _statements(units: int = 12, runs: int = 20) -> list[tuple[int, str]]:
    found = []
    for unit in range(units):
        found.append((unit, PARENT))
        found += [
            (unit, f"SELECT name FROM part WHERE id = {unit * runs + n}") for n in range(runs)
        ]
    return found


def _at(number: int) -> str:
    return f"2026-03-14 09:{number // 600:02}:{number // 10 % 60:02}.{number % 10}00 UTC"


def _csvlog(path: Path, width: int = 26, statements: Iterable[tuple[int, str]] = ()) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, (unit, text) in enumerate(statements or _statements()):
            at = _at(number)
            row = [at, "app", "shop", 100, "h:1", f"s.{unit}", number, "SELECT", at, "3/0", 0]
            row += ["LOG", "00000", f"duration: 0.4 ms  statement: {text}", *[""] * 8, "web"]
            writer.writerow([*row, "client backend", "", 0, "new"][:width])
    return path


def _stderr(prefix: Callable[[int, int], str], statements: Iterable[tuple[int, str]] = ()) -> str:
    return "".join(
        f"{prefix(number, unit)}LOG:  duration: 0.400 ms  statement: {text}\n"
        for number, (unit, text) in enumerate(statements or _statements())
    )


def _calls(traffic: Traffic) -> dict[str, int]:
    return {s.text: s.calls for s in traffic.shapes if s.calls}


ALL = {LOOKUP: 240, PARENT.replace("20", "$1"): 12}


@pytest.mark.parametrize("major", WIDTHS)
def test_every_width_of_csvlog_is_read(tmp_path: Path, major: int) -> None:
    assert _calls(read_logs([_csvlog(tmp_path / "a.csv", WIDTHS[major])])) == ALL


def test_files_of_several_servers_and_a_cut_record_are_read_together(tmp_path: Path) -> None:
    first = _csvlog(tmp_path / "1.csv", 23)
    second = _csvlog(tmp_path / "2.csv", 26)
    second.write_bytes(b'rest of a record",,,\n' + second.read_bytes()[:-30])
    traffic = read_logs([first, second])
    assert _calls(traffic)[LOOKUP] == 479
    assert traffic.damaged_lines == 2


def test_a_first_record_longer_than_the_sniffed_head_is_read(tmp_path: Path) -> None:
    long = "INSERT INTO part VALUES " + ", ".join(f"({n}, 'x')" for n in range(40_000))
    traffic = read_logs([_csvlog(tmp_path / "a.csv", 26, [(0, long), *_statements()])])
    assert _calls(traffic)[LOOKUP] == 240


@pytest.mark.parametrize(
    "prefix",
    [
        lambda n, unit: f"{_at(n)[:-8]} UTC:10.0.0.9(5432):app@shop:[{700 + unit}]:",  # RDS
        lambda n, unit: f"{_at(n)} [{700 + unit}] ",
        lambda n, unit: f"{_at(n)[:-8]} UTC [{700 + unit}-{n}] app@shop ",
        lambda n, unit: f"{_at(n)[:-8]} CET [{700 + unit}]: [{n}-1] db=shop,user=app ",
        lambda n, unit: f"app=web pid={700 + unit} at={_at(n)} ",  # one that nobody has
    ],
    ids=["rds", "default", "debian", "pgbadger", "other"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_usual_prefixes_need_not_be_given(
    tmp_path: Path, prefix: Callable[[int, int], str], end: str
) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(_stderr(prefix).replace("\n", end).encode())
    traffic = read_logs([log])
    assert _calls(traffic) == ALL
    assert traffic.units_seen == 12


def test_a_prefix_without_process_is_told(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(_stderr(lambda n, _: f"{_at(n)} "))
    traffic = read_logs([log], line_prefix="%m ")
    assert _calls(traffic) == ALL
    assert [n.what for n in traffic.not_collected] == ["units of work"]


@pytest.mark.parametrize("key", ["textPayload", "log", "message"])
def test_lines_wrapped_in_json_are_unwrapped(tmp_path: Path, key: str) -> None:
    text = _stderr(lambda n, unit: f"{_at(n)} [{700 + unit}]: ")
    log = tmp_path / "export.json"
    log.write_text(
        "".join(
            json.dumps({"insertId": "x", key: line + "\n", "timestamp": "2026-03-14T09:00:00Z"})
            + "\n"
            for line in text.splitlines()
        )
    )
    assert _calls(read_logs([log])) == ALL


@pytest.mark.parametrize(
    "said", ["Dauer: 0.4 ms  Anweisung: ", "durée : 0.4 ms, instruction : ", "duración: 0.4 ms "]
)
def test_another_language_is_told(tmp_path: Path, said: str) -> None:
    log = tmp_path / "server.log"
    log.write_text(
        _stderr(lambda n, unit: f"{_at(n)} [{unit}] ").replace("duration: 0.400 ms  ", said)
    )
    with pytest.raises(BadInput, match="not in English"):
        read_logs([log])


@pytest.mark.parametrize("form", ["csvlog", "jsonlog", "stderr"])
def test_latin1_and_nul_bytes_lose_no_statement(tmp_path: Path, form: str) -> None:
    texts = [(0, f"SELECT id FROM caf\u00e9 WHERE name = 'm\u00fcller {n}'") for n in range(30)]
    log = tmp_path / "server.log"
    if form == "csvlog":
        content = _csvlog(log, 26, texts).read_text()
    elif form == "stderr":
        content = _stderr(lambda n, _: f"{_at(n)} [7] ", texts)
    else:
        rows = (
            {"timestamp": _at(n), "session_id": "s", "line_num": n, "error_severity": "LOG",
             "message": f"duration: 0.4 ms  statement: {text}"}
            for n, (_, text) in enumerate(texts)
        )  # fmt: skip
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    lines = [
        line.encode("utf-8" if n % 2 else "latin-1")
        for n, line in enumerate(content.splitlines(keepends=True))
    ]
    log.write_bytes(b"".join(lines) + b"\0" * 4096)
    traffic = read_logs([log])
    assert _calls(traffic) == {"SELECT id FROM caf\u00e9 WHERE name = $1": 30}


def test_slow_statements_alone_are_told_to_be_so(tmp_path: Path) -> None:
    log = _csvlog(tmp_path / "a.csv")
    log.write_text(log.read_text().replace("duration: 0.4 ms", "duration: 250.4 ms"))
    assert [n.what for n in read_logs([log]).not_collected] == ["quick statements"]
    assert not read_logs([_csvlog(log)]).not_collected


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"log_transaction_sample_rate": "0"}, 0),
        ({"log_transaction_sample_rate": "0.1"}, 1),
        ({"log_statement_sample_rate": "0.5", "log_min_duration_sample": "-1"}, 0),
        ({"log_statement_sample_rate": "0.5", "log_min_duration_sample": "10"}, 1),
    ],
)
def test_a_sampling_server_is_told(settings: dict[str, str], told: int) -> None:
    assert len(settings_gaps(settings)) == told


def _found(traffic: Traffic) -> list[tuple[str, str, str]]:
    snapshot = snapshot_of_logs(traffic)
    report = analyze(snapshot, AnalyzeOptions(engine="none"), traffic=traffic).report
    return sorted((f.fingerprint, f.rule, f.evidence["tier"]) for f in report.findings)


def test_one_damaged_line_in_a_hundred_changes_no_finding(tmp_path: Path) -> None:
    statements = _statements(60, 20)
    several = [(unit, text.replace(" FROM", "\n  FROM")) for unit, text in statements]
    clean = _csvlog(tmp_path / "clean.csv", 26, several)
    damaged, hit = damaged_copy(clean, tmp_path / "damaged.csv")
    assert hit == round(len(clean.read_bytes().splitlines()) / 100)
    whole, broken = read_logs([clean]), read_logs([damaged])
    assert _found(whole)
    assert _found(broken) == _found(whole)
    assert broken.damaged_lines
    assert broken.executions > 0.9 * whole.executions


def test_a_time_that_is_none_damages_its_line_alone(tmp_path: Path) -> None:
    log = _csvlog(tmp_path / "a.csv", 26, _statements(12, 20))
    lines = log.read_bytes().splitlines(keepends=True)
    lines[40] = b"20x5-01-99 99:" + lines[40][14:]
    log.write_bytes(b"".join(lines))
    traffic = read_logs([log])
    assert traffic.damaged_lines == 1
    assert traffic.units
    assert _calls(traffic)[LOOKUP] == 239


def test_the_only_record_of_a_file_cut_at_its_end_is_counted_once(tmp_path: Path) -> None:
    log = tmp_path / "one.json"
    log.write_text(json.dumps({
        "timestamp": "2026-03-14 09:00:00.000 UTC", "user": "app", "dbname": "shop", "pid": 1,
        "session_id": "s.1", "line_num": 1, "error_severity": "LOG", "state_code": "00000",
        "message": f"duration: 0.4 ms  statement: {PARENT}", "backend_type": "client backend",
    }))  # fmt: skip
    assert _calls(read_logs([log])) == {PARENT.replace("20", "$1"): 1}


def test_an_endless_statement_in_stderr_costs_no_other(tmp_path: Path) -> None:
    statements = _statements()
    long = f"SELECT name FROM part WHERE name = '{'x' * 6_000_000}'"
    log = tmp_path / "server.log"
    log.write_text(
        _stderr(
            lambda number, unit: f"{_at(number)} [{100 + unit}] ",
            [*statements[:100], (5, long), *statements[100:]],
        )
    )
    traffic = read_logs([log])
    assert {text: calls for text, calls in _calls(traffic).items() if text in ALL} == ALL


TRACED = "traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'"


@pytest.mark.parametrize("names", ["abc", "bca", "cab"])
@pytest.mark.parametrize("origin", ["trace", "pool"])
def test_a_unit_over_several_sessions_waits_for_none_of_what_they_did_before(
    tmp_path: Path, names: str, origin: str
) -> None:
    """Whichever session comes first in the engine's order, its first row can be inside a unit."""
    slept = names[-1]
    tag = f" /*{TRACED}*/" if origin == "trace" else ""
    asked = [(slept, "08:55:00.000", "SELECT 1 FROM warehouse")]
    for number in range(30):
        name, at = names[number // 3 % 3], f"09:00:00.{number:03}"
        asked.append((name, at, f"SELECT name FROM part WHERE id = {number}{tag}"))
        if origin == "pool":
            asked.append((name, at, "RESET ALL"))
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, (name, clock, text) in enumerate(asked):
            at = f"2026-03-14 {clock} UTC"
            row = [at, "app", "shop", 100, "h:1", name, number, "SELECT", at, "3/0", 0]
            row += ["LOG", "00000", f"duration: 0.001 ms  statement: {text}", *[""] * 8, "web"]
            writer.writerow([*row, "client backend", "", 0])
    (unit,) = read_logs([path]).units
    assert unit.origin == origin
    assert unit.session_count == 3
    assert len(unit.shapes) == 30
    assert max(unit.idle_ms) < 100


def _mangled(content: bytes, choice: Random) -> bytes:
    """The content cut, shuffled, overwritten, doubled or stuffed with what belongs to no log."""
    lines = content.splitlines(keepends=True)
    at = choice.randrange(len(content))
    junk = choice.randbytes(choice.choice((1, 9, 5_000)))
    return choice.choice(
        (
            lambda: content[:at],
            lambda: content[at:],
            lambda: b"".join(choice.sample(lines, len(lines))),
            lambda: content[:at] + junk + content[at:],
            lambda: content[:at] + b"\0" * 500 + content[at:],
            lambda: content.replace(b'"', b"", choice.randrange(1, 40)),
            lambda: content.replace(b"\n", b"\r\n"),
            lambda: content[:at] + gzip.compress(content[at:]),
            lambda: gzip.compress(content)[: max(10, at // 20)],
            lambda: content + b'"' * 3,
            lambda: content.replace(b",", b"\t", choice.randrange(1, 90)),
            lambda: junk,
        )
    )()


@pytest.mark.parametrize("form", ["csvlog", "jsonlog", "stderr"])
def test_nothing_that_a_file_holds_is_fatal(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = Random(form)
    base = _csvlog(tmp_path / "a.csv", 26, _statements(4, 8))
    if form == "stderr":
        content = _stderr(lambda n, unit: f"{_at(n)} [{unit + 70}] ", _statements(4, 8)).encode()
    elif form == "jsonlog":
        rows = csv.reader(io.StringIO(base.read_text(), newline=""))
        content = b"".join(
            json.dumps(
                {"timestamp": r[0], "session_id": r[5], "line_num": int(r[6]), "vxid": r[9],
                 "error_severity": r[11], "state_code": r[12], "message": r[13]}
            ).encode() + b"\n"
            for r in rows
        )  # fmt: skip
    else:
        content = base.read_bytes()
    outcomes = set()
    for number in range(8):
        mangled = _mangled(content, choice)
        if number % 5 == 0:
            mangled = _mangled(mangled or b"\n", choice)
        log = tmp_path / "mangled"
        log.write_bytes(mangled)
        for path in (log, Path("-")):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mangled)))
            try:
                read_logs([path])
                outcomes.add("read")
            except BadInput:
                outcomes.add("told")
    assert outcomes == {"read", "told"}


def test_logs_alone_connect_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", str(tmp_path / "no-server-here"))
    log = _csvlog(tmp_path / "a.csv")
    out = str(tmp_path / "out")
    shown = _dbtune("analyze", "--logs", str(log), "--out", out, "--json")
    assert shown.returncode == 0, shown.stderr
    findings = json.loads(shown.stdout)["findings"]
    assert [f["rule"] for f in findings] == ["n-plus-one"]
    refused = _dbtune("analyze", "--logs", str(tmp_path / "none.csv"))
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def _dbtune(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dbtune", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
