"""Every format: golden output, the JSON's schema, and text that means harm."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from junitparser import Failure as JUnitFailure
from junitparser import JUnitXml
from rich.cells import cell_len
from sarif_kit.validate import validation_errors as sarif_errors
from tap.parser import Parser

from dbtune.advice import CreateIndex
from dbtune.errors import BadInput
from dbtune.gate.verdict import Outcome
from dbtune.report.model import Report
from dbtune.report.render import Style, format_names, render
from dbtune.report.write import write_files
from tests.golden import agrees_with_golden, golden_files
from tests.report.example import EMPTY, FULL, GATED, HOSTILE

FOLDER = "report"
REPORTS = {"full": FULL, "empty": EMPTY, "gated": GATED}
STYLE = Style(width=80, files=("out/report.html", "out/migration.up.sql"))
CASES = {
    f"{FOLDER}/{kind}.{name}": (report, name, STYLE)
    for name in format_names()
    for kind, report in REPORTS.items()
} | {
    f"{FOLDER}/narrow.text": (FULL, "text", replace(STYLE, width=60)),
    f"{FOLDER}/wide.text": (FULL, "text", replace(STYLE, width=120)),
    f"{FOLDER}/top.text": (FULL, "text", replace(STYLE, top=1)),
}
ALL, IDS = (FULL, EMPTY, GATED, HOSTILE), ("full", "empty", "gated", "hostile")
VOID = {"meta", "br", "input", "rect"}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, pytestconfig: pytest.Config) -> None:
    text = without_shared_parts(render(*CASES[name]))
    assert agrees_with_golden(pytestconfig, name, text), f"{name} differs: make golden, then read"


def without_shared_parts(text: str) -> str:
    """The output without the style and script that all pages share, and their hashes."""
    text = re.sub(r"(?s)<(style|script)>.*?</\1>", r"<\1>…</\1>", text)
    return re.sub(r"'sha256-[^']*'", "'sha256-…'", text)


def test_no_orphans() -> None:
    assert golden_files(FOLDER) == set(CASES)


@pytest.mark.parametrize("name", ["text", "md", "html"])
def test_of_a_set_that_no_rule_asked_for_nothing_is_said(name: str) -> None:
    said = "no set of the candidates"
    dropped = [r for r in FULL.recommendations if not isinstance(r.change, CreateIndex)]
    assert said in " ".join(render(FULL, name, STYLE).split())
    assert dropped
    unasked = replace(FULL, recommendations=tuple(dropped))
    assert said not in " ".join(render(unasked, name, STYLE).split())


def test_what_is_applied_is_not_asked_for_again() -> None:
    assert "dbtune apply" in render(FULL, "text", STYLE)
    assert "dbtune apply" not in render(FULL, "text", replace(STYLE, is_applied=True))


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_json_is_as_its_schema_says(report: Report) -> None:
    schema = json.loads((Path(__file__).parent / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render(report, "json")), schema)


def test_json_holds_no_number_that_is_not_one() -> None:
    statement = replace(FULL.statements[0], share=float("nan"), total_exec_ms=float("inf"))
    document = json.loads(render(replace(FULL, statements=(statement,)), "json"))
    assert document["statements"][0]["share"] is None
    assert document["statements"][0]["total_exec_ms"] is None


@pytest.mark.parametrize("name", format_names())
def test_control_characters_never_come_through(name: str) -> None:
    text = render(HOSTILE, name, Style(width=80))
    acting = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert acting == []


@pytest.mark.parametrize("name", [n for n in format_names() if n != "json"])
def test_a_literal_of_a_megabyte_is_shortened(name: str) -> None:
    assert len(render(HOSTILE, name)) < 60_000


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_keeps_to_its_width(width: int) -> None:
    text = render(FULL, "text", Style(width=width))
    too_wide = [line for line in text.splitlines() if cell_len(line) > width]
    assert too_wide == []


def test_colour_only_where_asked() -> None:
    assert "\x1b[" not in render(FULL, "text")
    assert "\x1b[" in render(FULL, "text", Style(color=True))


def test_top_says_how_many_it_left_out() -> None:
    text = render(FULL, "text", Style(top=1))
    assert "and 4 findings more" in text
    assert "and 3 recommendations more" in text


class _Tags(HTMLParser):
    """The elements of a page, and those that were closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_html_is_well_formed_and_lets_nothing_in(report: Report) -> None:
    page = render(report, "html")
    tags = _Tags()
    tags.feed(page)
    assert (tags.wrong, tags.open) == ([], [])
    assert tags.seen.count("script") == 1
    assert not {"img", "iframe", "object", "link", "base", "form"} & set(tags.seen)
    names = {name for name, _ in tags.attributes}
    assert not [name for name in names if name.startswith("on") or name in {"style", "src"}]
    links = {value for name, value in tags.attributes if name == "href"}
    assert {link for link in links if not (link or "").startswith("#")} == set()
    assert "default-src 'none'" in page


def test_markdown_cannot_be_broken_out_of() -> None:
    text = render(HOSTILE, "md")
    outside = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    assert re.findall(r"<(?!/?details>|summary>|/summary>|!-- dbtune report -->)", outside) == []
    assert not re.search(r"(?<!\\)\[", outside)
    assert "@" not in outside


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_sarif_is_as_its_schema_says(report: Report) -> None:
    document = json.loads(render(report, "sarif"))
    assert sarif_errors(document) == []
    results = document["runs"][0]["results"]
    assert len(results) == len(report.verdict.decisions)
    suppressed = [bool(r.get("suppressions")) for r in results]
    quiet = {Outcome.KNOWN, Outcome.WAIVED}
    assert suppressed == [d.outcome in quiet for d in report.verdict.decisions]


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_junit_is_read_by_a_parser_of_junit(report: Report) -> None:
    suites = JUnitXml.fromstring(render(report, "junit").encode())
    cases = [case for suite in suites for case in suite]
    failed = [c for c in cases if any(isinstance(r, JUnitFailure) for r in c.result)]
    verdict = report.verdict
    assert len(cases) == max(len(verdict.decisions) + len(verdict.reasons), 1)
    assert len(failed) == len(verdict.failures) + len(verdict.reasons)


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_tap_is_read_by_a_parser_of_tap(report: Report) -> None:
    lines = list(Parser().parse_text(render(report, "tap")))
    points = [line for line in lines if line.category == "test"]
    verdict = report.verdict
    assert [line for line in lines if line.category == "unknown"] == []
    assert len(points) == max(len(verdict.decisions) + len(verdict.reasons), 1)
    failed = [point for point in points if not point.ok]
    assert len(failed) == len(verdict.failures) + len(verdict.reasons)


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_github_commands_stay_one_line_each(report: Report) -> None:
    lines = render(report, "github").splitlines()
    loud = {Outcome.FAILS, Outcome.PASSES}
    expected = [d for d in report.verdict.decisions if d.outcome in loud]
    assert len(lines) == len(expected) + len(report.verdict.reasons)
    command = re.compile(r"::(error|warning|notice) ([a-z]+=[^,:]*)(,[a-z]+=[^,:]*)*::")
    assert [line for line in lines if not command.match(line)] == []


@pytest.mark.parametrize("report", ALL, ids=IDS)
def test_gitlab_entries_have_what_gitlab_asks_for(report: Report) -> None:
    entries = json.loads(render(report, "gitlab"))
    jsonschema.validate(entries, GITLAB_SCHEMA)
    assert len({e["fingerprint"] for e in entries}) == len(entries)


GITLAB_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1},
                    "lines": {"type": "object", "required": ["begin"]},
                },
            },
        },
    },
}


def test_an_unknown_format_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"no format 'docx'.*html, .*json"):
        render(FULL, "docx")


def test_files_are_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    paths = write_files(folder, {"a.txt": "one", "b.txt": "two"})
    assert [p.read_text() for p in paths] == ["one", "two"]
    assert sorted(p.name for p in folder.iterdir()) == ["a.txt", "b.txt"]


def test_an_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"Cannot write .*file"):
        write_files(tmp_path / "file" / "out", {"a.txt": "one"})


@pytest.mark.parametrize("name", ["text", "md", "html"])
def test_hypopg_is_called_by_its_name(name: str) -> None:
    meta = replace(FULL.meta, engine="hypopg")
    page = render(replace(FULL, meta=meta), name)
    assert "HypoPG" in page
    assert "the hypopg" not in page


def test_nothing_found_is_not_nothing_to_do_where_something_was_not_examined() -> None:
    bare = Report(meta=FULL.meta, statements=FULL.statements)
    assert "Nothing to do." in render(bare, "text")
    assert "no statement yet" in render(replace(bare, statements=()), "text")
    blind = render(replace(bare, not_examined=FULL.not_examined), "text")
    assert "Nothing to do." not in blind
    assert "Nothing found in what could be examined" in blind
