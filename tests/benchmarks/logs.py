"""Lines per second and memory of the log reader against pgBadger, on the same files and cores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dbtune.server.cluster import running_cluster
from tests.benchmarks.log_kinds import KINDS, write_log
from tests.conftest import find_binaries
from tests.logs.conftest import LOGGING, LoggingServer

MAJOR = 18
LINES = int(os.environ.get("LINES_OF_LOG", "1000000"))
PGBADGER_LINES = 100_000
_SCRIPT = """
\\set a random(1,10000)
BEGIN;
SELECT id, owner_id, title FROM lead WHERE owner_id = :a % 1000 ORDER BY id;
{lookups}
UPDATE lead SET title = 'it''s "quoted",
 and multi-line' WHERE id = :a;
COMMIT;
"""
_SCHEMA = """
CREATE TABLE owner (id int PRIMARY KEY, name text);
INSERT INTO owner SELECT g, 'n' || g FROM generate_series(1, 1000) g;
CREATE TABLE lead (id int PRIMARY KEY, owner_id int REFERENCES owner, title text);
INSERT INTO lead SELECT g, g % 1000 + 1, 't' || g FROM generate_series(1, 10000) g;
"""
_READ = """
import json, sys, time
from pathlib import Path
from dbtune.collect.logs import read_logs, snapshot_of_logs
from dbtune.options import AnalyzeOptions
from dbtune.pipeline import analyze
begun = time.perf_counter()
traffic = read_logs([Path(sys.argv[1])])
read = time.perf_counter() - begun
options = AnalyzeOptions(engine="none")
report = analyze(snapshot_of_logs(traffic), options, traffic=traffic).report
seconds = time.perf_counter() - begun
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
found = sorted((f.fingerprint, f.rule, f.evidence.get("tier")) for f in report.findings)
print(json.dumps([seconds, peak, traffic.lines, traffic.damaged_lines, found, read]))
"""


@dataclass(frozen=True)
class Reading:
    """One program's reading of one file; processor time is what other work cannot disturb."""

    lines: int
    seconds: float
    processor_s: float
    peak_mb: float
    damaged: int = 0
    found: tuple[tuple[str, ...], ...] = ()
    read_s: float = 0.0

    @property
    def processor_s_per_million(self) -> float:
        return self.processor_s / self.lines * 1e6

    @property
    def lines_per_second(self) -> float:
        return self.lines / self.seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = _logs(folder)
        print(
            f"{'file':10} {'program':9} {'lines':>8} {'lines/s':>8} {'ratio':>6} "
            f"{'processor s per million lines':>30} {'ratio':>6} {'peak MB':>8}"
        )
        for label, file in files.items():
            _compare(label, file, folder)
        damaged, hit = damaged_copy(files["csvlog"], folder / "damaged.csv")
        clean, broken = dbtune_reading(files["csvlog"]), dbtune_reading(damaged)
        same = "the same findings" if clean.found == broken.found else "OTHER FINDINGS"
        print(f"{hit:,} of {clean.lines:,} lines damaged: {broken.damaged:,} unread, {same}")
        for finding in sorted(set(clean.found) ^ set(broken.found)):
            print("   ", "clean only:" if finding in clean.found else "damaged only:", *finding)
        for kind in KINDS:
            file = write_log(folder / f"{kind.__name__}.csv", kind, LINES // 5, 200_000_000)
            _compare("csvlog", file, folder, name=kind.__name__, pgbadger_lines=20_000)
            file.unlink()


def _compare(
    label: str, file: Path, folder: Path, *, name: str = "", pgbadger_lines: int = PGBADGER_LINES
) -> None:
    ours = dbtune_reading(file)
    theirs = _pgbadger(label, _head(file, folder / f"head{file.suffix}", pgbadger_lines))
    for program, reading in (("dbtune", ours), ("pgbadger", theirs)):
        if reading is None:
            continue
        wall = processor = ""
        if program == "dbtune" and theirs:
            wall = f"{ours.lines_per_second / theirs.lines_per_second:.1f}"
            processor = f"{theirs.processor_s_per_million / ours.processor_s_per_million:.1f}"
        print(
            f"{name or label:10} {program:9} {reading.lines:8} {reading.lines_per_second:8.0f}"
            f" {wall:>6} "
            f"{reading.processor_s_per_million:30.1f} {processor:>6} {reading.peak_mb:8.0f}"
            + (f"  reading alone {reading.lines / reading.read_s:,.0f}" if reading.read_s else "")
        )


def dbtune_reading(file: Path) -> Reading:
    """What reading and judging a log costs, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", _READ, str(file)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = process.stdout.read()
    process.stdout.close()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for above
    seconds, peak, lines, damaged, found, read = json.loads(said)
    spent = usage.ru_utime + usage.ru_stime
    return Reading(lines, seconds, spent, peak, damaged, tuple(map(tuple, found)), read)


def _pgbadger(label: str, file: Path) -> Reading | None:
    """pgBadger on as many cores as it likes best: the quicker of one job and all cores."""
    program = shutil.which("pgbadger")
    if program is None:
        return None
    kind = {"csvlog": "csv", "jsonlog": "jsonlog", "stderr": "stderr"}[label]
    with file.open("rb") as opened:
        lines = sum(1 for _ in opened)
    best: Reading | None = None
    for jobs in {1, os.cpu_count() or 1}:
        # pgBadger removes its output file before writing it: never a device
        output = file.with_suffix(".pgbadger.txt")
        command = [program, "-q", "-j", str(jobs), "-f", kind, "-o", str(output), "-x", "text"]
        if kind == "stderr":
            command += ["-p", LOGGING["log_line_prefix"]]
        begun = time.perf_counter()
        process = subprocess.Popen([*command, str(file)], stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = 0  # waited for above
        spent = usage.ru_utime + usage.ru_stime
        reading = Reading(lines, seconds, spent, usage.ru_maxrss / 1024)
        best = min((r for r in (best, reading) if r), key=lambda r: r.seconds)
    return best


def _logs(folder: Path) -> dict[str, Path]:
    """Logs of pgbench in three protocols, made by a real server, cut to the same length."""
    binaries = find_binaries(MAJOR)
    assert binaries is not None
    lookups = "\n".join(
        f"\\set c{n} random(1,1000)\nSELECT id, name FROM owner WHERE id = :c{n};"
        for n in range(10)
    )
    script = folder / "script.sql"
    script.write_text(_SCRIPT.format(lookups=lookups))
    with running_cluster(binaries, settings=LOGGING) as cluster:
        server = LoggingServer(cluster, MAJOR)
        psql = binaries.program("psql")
        subprocess.run([psql, "-qX", server.dsn(), "-c", _SCHEMA], check=True)
        server.rotate()
        for protocol, share in (("prepared", 0.4), ("extended", 0.4), ("simple", 0.2)):
            lines_per_run = 14 if protocol == "simple" else 28
            runs = int(LINES * share / lines_per_run / 4) + 1
            subprocess.run(
                [binaries.program("pgbench"), "-n", "-c", "4", "-M", protocol, "-t", str(runs),
                 "-f", str(script), server.dsn()],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
            )  # fmt: skip
        logged = server.logged(folder)
    return {
        name: _head(path, folder / f"{name}{path.suffix}", LINES) for name, path in logged.items()
    }


def _head(file: Path, target: Path, lines: int) -> Path:
    with file.open("rb") as source, target.open("wb") as out:
        for _, line in zip(range(lines), source, strict=False):
            out.write(line)
    return target


def damaged_copy(file: Path, target: Path) -> tuple[Path, int]:
    """The file with one line in a hundred cut, merged, overwritten or stuffed; how many are.

    Lines, not records: some are in the middle of a statement.
    """
    choice = Random(1)
    with file.open("rb") as source:
        lines = sum(1 for _ in source)
    hit = frozenset(choice.sample(range(lines), round(lines / 100)))
    with file.open("rb") as source, target.open("wb") as out:
        for number, line in enumerate(source):
            out.write(_damage(line, choice) if number in hit else line)
    return target, len(hit)


def _damage(line: bytes, choice: Random) -> bytes:
    at = choice.randrange(len(line))
    junk = bytes(choice.randrange(256) for _ in range(8)).replace(b"\n", b"?")
    return choice.choice(
        [
            line[:at] + b"\n",
            line[:at] + junk + line[at + 8 :],
            line.replace(b'"', b"", 1),
            line.rstrip(b"\n") + b'"\n',
            line + b'-- junk "with a quote, and commas\n',
            line.rstrip(b"\n"),
            line[:at] + b"\0\0" + line[at:],
            line[:at] + b"\xff\xe9" + line[at:],
            b",".join(line.split(b",")[:-3]) + b"\n",
        ]
    )


if __name__ == "__main__":
    main()
