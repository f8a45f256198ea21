"""Rule files: what ships is whole, and every mistake in one is told with file and key."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dbtune.cli import make_app
from dbtune.detectors import detectors
from dbtune.errors import BadInput
from dbtune.resources import rules_dir
from dbtune.rules.judge import chosen
from dbtune.rules.load import load_rule, load_rules
from dbtune.rules.table import readme_table
from dbtune.rules.template import COMMON
from tests.rules.harness import cases


def test_every_rule_has_two_findings_and_three_silences() -> None:
    found: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for rule, case in cases():
        found[rule] += len(case.finds)
        silent[rule] += len(case.silent)
    for rule_id in (r.id for r in load_rules()):
        assert found[rule_id] >= 2, rule_id
        assert silent[rule_id] >= 3, rule_id


def test_every_case_file_is_a_rule() -> None:
    assert {rule for rule, _ in cases()} <= {rule.id for rule in load_rules()}


def test_every_detector_is_used() -> None:
    assert {rule.detector.name for rule in load_rules()} == set(detectors())


@pytest.mark.parametrize("detector", detectors().values(), ids=list(detectors()))
def test_detector_keeps_its_thresholds_in_rules(detector: Any) -> None:
    for field in dataclasses.fields(detector.params):
        assert field.default is dataclasses.MISSING, field.name
    names = {field.name for field in dataclasses.fields(detector.evidence)}
    assert not names & COMMON.keys(), "these names belong to every template"


def test_every_rule_is_in_the_table() -> None:
    table = readme_table(load_rules())
    assert [line.split("`")[1] for line in table.splitlines()[2:]] == [r.id for r in load_rules()]


GOOD: dict[str, Any] = yaml.safe_load((rules_dir() / "redundant-index.yaml").read_text()) | {
    "id": "mine"
}


def written(folder: Path, changes: dict[str, Any], name: str = "mine") -> Path:
    rule = {k: v for k, v in (GOOD | changes).items() if v is not None}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(rule))
    return file


def params(**changes: Any) -> dict[str, Any]:
    return {"params": {"max_size_ratio": {"value": 10, "because": "so"} | changes}}


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("unknown key", {"colour": "red"}, "unknown field `colour`"),
    ("missing key", {"message": None}, "missing required field `message`"),
    ("wrong type", {"title": 7}, "title: Expected `str`, got `int`"),
    ("unknown severity", {"severity": "fatal"}, "severity: Invalid enum value 'fatal'"),
    ("unknown detector", {"detector": "nope"}, "detector: there is no detector 'nope'"),
    ("id is not the file's name", {"id": "other"}, "id: 'other' is not the file's name 'mine'"),
    ("threshold without reason", {"params": {"max_size_ratio": {"value": 1}}}, "field `because`"),
    ("threshold of wrong type", params(value="ten"), "params.max_size_ratio.value: Expected"),
    ("threshold missing", {"params": {}}, "params.max_size_ratio: the detector"),
    (
        "unknown threshold",
        {"params": {**params()["params"], "min_x": {"value": 1, "because": "so"}}},
        "params.min_x: the detector redundant-index has no such parameter; it has max_size_ratio",
    ),
    ("broken template", {"message": "{{ index"}, "message: "),
    ("unknown placeholder", {"message": "{{ inedx }}"}, "message: there is no 'inedx'"),
    ("unknown filter", {"message": "{{ index | shout }}"}, "message: "),
    ("filter on the wrong type", {"message": "{{ index | size }}"}, "message: "),
    ("attribute that is not there", {"message": "{{ index.oid }}"}, "message: "),
    ("reach out of the sandbox", {"message": "{{ ''.__class__.__mro__ }}"}, "message: "),
    (
        "broken condition",
        {"severity_when": [{"severity": "info", "when": "rows >", "because": "so"}]},
        "severity_when[0].when: ",
    ),
    (
        "condition on what is not there",
        {"severity_when": [{"severity": "info", "when": "weight > 1", "because": "so"}]},
        "severity_when[0].when: there is no 'weight'",
    ),
    ("unknown confidence", {"min_confidence": "sure"}, "min_confidence: "),
]


@pytest.mark.parametrize(
    ("changes", "told"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_mistake_is_told_with_file_and_key(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    file = written(tmp_path, changes)
    with pytest.raises(BadInput) as raised:
        load_rule(file)
    assert str(file) in raised.value.what
    assert told in raised.value.what


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id: [", "is not YAML"),
        (b"id: mine\nid: mine\n", "the key 'id' stands twice"),
        (b"- id\n", "Expected `object`, got `array`"),
        (b"", "Expected `object`, got `null`"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"? [a]\n: b\n", "is not YAML"),
    ],
)
def test_broken_file_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInput) as raised:
        load_rule(file)
    assert str(file) in raised.value.what
    assert told in raised.value.what


def test_rules_of_a_folder_join_those_that_ship(tmp_path: Path) -> None:
    written(tmp_path, {})
    assert "mine" in {rule.id for rule in load_rules(tmp_path)}


def test_a_rule_of_a_folder_cannot_take_a_shipped_id(tmp_path: Path) -> None:
    written(tmp_path, {"id": "redundant-index"}, "redundant-index")
    with pytest.raises(BadInput, match="is already the rule of"):
        load_rules(tmp_path)


def test_a_rule_that_does_not_exist_is_told_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="Did you mean unused-index"):
        chosen(load_rules(), select=["unusd-index"])


def test_list_and_page_on_the_command_line(tmp_path: Path) -> None:
    written(tmp_path, {})
    runner, app = CliRunner(), make_app()
    listed = runner.invoke(app, ["rules", "--rules", str(tmp_path)])
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        rule.id for rule in load_rules(tmp_path)
    ]
    shown = runner.invoke(app, ["rules", "--rules", str(tmp_path), "show", "mine"])
    assert "max_size_ratio = 10" in shown.stdout
    as_json = runner.invoke(app, ["rules", "--json"])
    assert [r["id"] for r in json.loads(as_json.stdout)["rules"]] == [r.id for r in load_rules()]
