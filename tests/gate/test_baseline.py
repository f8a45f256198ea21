"""The baseline's file: sorted, stable, and refused when it is not one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dbtune.errors import BadInput
from dbtune.gate.baseline import entry_of, read_baseline, write_baseline
from tests.report.example import FINDINGS


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(write_baseline(FINDINGS))
    assert set(read_baseline(file)) == {entry_of(f) for f in FINDINGS}


def test_the_order_of_findings_does_not_matter() -> None:
    assert write_baseline(FINDINGS) == write_baseline(FINDINGS[::-1])
    assert write_baseline([*FINDINGS, *FINDINGS]) == write_baseline(FINDINGS)


def test_figures_and_words_do_not_matter() -> None:
    changed = [
        replace(f, message="other", evidence={"calls": 7}, share=0.9, title="t") for f in FINDINGS
    ]
    assert write_baseline(changed) == write_baseline(FINDINGS)


def test_one_finding_is_one_line() -> None:
    before, after = write_baseline(FINDINGS[:-1]), write_baseline(FINDINGS)
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert write_baseline([]) == '{\n  "schema": 1,\n  "findings": []\n}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not a baseline"),
        ("[]", "is not a baseline"),
        ('{"schema": 1, "findings": [{"rule": "x"}]}', "is not a baseline"),
        ('{"schema": 99, "findings": []}', "has schema 99; this dbtune reads 1"),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_baseline(file)


def test_the_file_is_json() -> None:
    document = json.loads(write_baseline(FINDINGS))
    assert [e["rule"] for e in document["findings"]] == sorted(f.rule for f in FINDINGS)
