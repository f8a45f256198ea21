"""`dbtune check` and `dbtune baseline` as a user or a CI job runs them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dbtune.snapshot.file import write_snapshot
from dbtune.snapshot.model import Snapshot

DROP = "DROP INDEX shipment_reference_idx;\n"


@pytest.fixture(scope="module")
def snapshot_file(production: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("snapshot") / "prod.dbtune"
    write_snapshot(production, file)
    return file


def dbtune(
    *words: str | Path, cwd: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dbtune", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        input=stdin,
        env={**os.environ, **environment},
    )


def test_a_harmful_pull_request_fails_in_every_format_at_once(
    snapshot_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/0001_drop.sql").write_text(DROP)
    formats = ["text", "github", "sarif=out.sarif", "junit=out.xml", "gitlab=out.json", "tap=o.tap"]
    words = [word for name in formats for word in ("--format", name)]
    done = dbtune(
        "check", "--snapshot", snapshot_file, "--migrations", "migrations", *words,
        "--today", "2026-03-14", cwd=tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "::error file=migrations/0001_drop.sql,line=1" in done.stdout
    assert "plan-regression" in done.stdout
    run = json.loads((tmp_path / "out.sarif").read_text())["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "migrations/0001_drop.sql"
    assert "❌" in (tmp_path / "summary.md").read_text()
    assert {p.name for p in tmp_path.iterdir()} == {
        "migrations", "out.sarif", "out.xml", "out.json", "o.tap", "summary.md",
    }  # fmt: skip


def test_what_it_says_to_run_shows_the_same(snapshot_file: Path, tmp_path: Path) -> None:
    done = dbtune(
        "check", "--snapshot", snapshot_file, "--migrations", "-", "--format", "json",
        cwd=tmp_path, stdin=DROP,
    )  # fmt: skip
    report = json.loads(done.stdout)
    decision = report["verdict"]["decisions"][0]
    evidence = report["findings"][0]["evidence"]
    again = subprocess.run(
        f"{sys.executable} -m {decision['reproduce']} --json",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    explained = json.loads(again.stdout)
    assert explained["before"]["total_cost"] == pytest.approx(evidence["cost_before"], rel=0.01)
    assert explained["after"]["total_cost"] == pytest.approx(evidence["cost_after"], rel=0.01)


def test_the_tiers_of_fail_on(snapshot_file: Path, tmp_path: Path) -> None:
    fill = "UPDATE shipment SET status = 'x';"
    codes = {
        tier: dbtune(
            "check", "--snapshot", snapshot_file, "--migrations", "-", "--fail-on", tier,
            cwd=tmp_path, stdin=fill,
        ).returncode
        for tier in ("warning", "error")
    }  # fmt: skip
    assert codes == {"warning": 1, "error": 0}


def newer(file: Path, folder: Path) -> Path:
    """The snapshot as a dbtune to come would write it."""
    document = json.loads(gzip.decompress(file.read_bytes()))
    document["schema"] = 99
    path = folder / "newer.dbtune"
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    return path


def test_bad_input_is_told_in_one_paragraph_with_code_2(
    snapshot_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.sql").write_text("SELECT 1;\n\nALTER TABEL shipment\n  ADD a int;\n")
    (tmp_path / "policy.yaml").write_text("fail_on: fatal\n")
    (tmp_path / "baseline.json").write_text("{")
    given = ("--snapshot", snapshot_file)
    cases: dict[str, tuple[str | Path, ...]] = {
        "broken.sql:3: syntax error": (*given, "--migrations", "broken.sql"),
        "no migration missing.sql": (*given, "--migrations", "missing.sql"),
        "policy.yaml: fail_on": (*given, "--policy", "policy.yaml"),
        "baseline.json is not a baseline": (*given, "--baseline", "baseline.json"),
        "newer.dbtune": ("--snapshot", newer(snapshot_file, tmp_path)),
        "no format 'docx'": (*given, "--format", "docx"),
        "nothing to check": (),
    }
    for words, options in cases.items():
        done = dbtune("check", *options, cwd=tmp_path)
        assert done.returncode == 2, words
        assert words in done.stderr
        assert done.stderr.startswith("dbtune: ")
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""


def test_a_baseline_written_is_a_baseline_that_holds(snapshot_file: Path, tmp_path: Path) -> None:
    wrote = dbtune("baseline", snapshot_file, cwd=tmp_path)
    first = (tmp_path / "dbtune.baseline.json").read_bytes()
    dbtune("baseline", snapshot_file, cwd=tmp_path)
    assert wrote.returncode == 0
    assert (tmp_path / "dbtune.baseline.json").read_bytes() == first
    done = dbtune(
        "check", "--snapshot", snapshot_file, "--baseline", "dbtune.baseline.json", cwd=tmp_path
    )
    assert done.returncode == 0
    assert "nothing new" in done.stdout
