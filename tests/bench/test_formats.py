"""Every output format of a benchmark; the page in a browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbtune.bench.formats.text import bar, sparkline
from dbtune.bench.formats.text import render as for_terminal
from dbtune.bench.render import format_names, render
from dbtune.bench.result import Benchmark
from dbtune.bench.stats import Effect
from dbtune.bench.target import read_target
from dbtune.bench.words import change_text, headline, interval_text
from dbtune.errors import BadInput
from tests.bench.example import EMPTY, FULL, HOSTILE_ONE, LARGE
from tests.browser import Browser, running_browser

ALL = {"full": FULL, "hostile": HOSTILE_ONE, "empty": EMPTY}
LAYOUTS = {
    "wide": {"width": 1280},
    "narrow": {"width": 360},
    "dark": {"width": 1280, "scheme": "dark"},
    "print": {"width": 800, "media": "print"},
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "bench.html"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ALL)
def test_the_page_in_a_browser(browser: Browser, page: Path, name: str, layout: str) -> None:
    page.write_text(render(ALL[name], "html"), encoding="utf-8")
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(page, **LAYOUTS[layout])  # type: ignore[arg-type]
    assert browser.complaints == []
    assert browser.requests == [page.as_uri()]
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.evaluate(wide) <= 0, "the page is wider than its window"
    assert browser.evaluate("document.querySelectorAll('script, img, iframe, link').length") == 1
    assert browser.evaluate("document.querySelectorAll('h1').length") == 1
    unnamed = (
        "[...document.querySelectorAll('svg, input, button')].filter(e => "
        "!e.getAttribute('aria-label') && !e.textContent.trim() && !e.closest('label')"
        " && !e.getAttribute('aria-hidden')).length"
    )
    assert browser.evaluate(unnamed) == 0


def test_tables_sort_and_filter(browser: Browser, page: Path) -> None:
    page.write_text(render(FULL, "html"), encoding="utf-8")
    browser.open(page)
    column = "[...document.querySelectorAll('#rows tr')].map(r => Number(r.cells[1].dataset.value))"
    head = "[...document.querySelectorAll('#statements th button')].find(b => b.textContent == "
    browser.evaluate(f"{head}'Before').click()")
    falling = browser.evaluate(column)
    assert falling == sorted(falling, reverse=True)
    browser.evaluate(f"{head}'Before').click()")
    assert browser.evaluate(column) == falling[::-1]
    visible = "[...document.querySelectorAll('#rows tr')].filter(r => !r.hidden).length"
    assert browser.evaluate(visible) == 4
    browser.evaluate(
        "(() => { const s = document.querySelector('.filter input[type=search]');"
        "s.value = 'booking'; s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert browser.evaluate(visible) == 1


def test_500_statements_fit_into_a_megabyte(browser: Browser, page: Path) -> None:
    page.write_text(render(LARGE, "html"), encoding="utf-8")
    assert page.stat().st_size < 1_000_000
    browser.open(page)
    assert browser.evaluate("document.querySelectorAll('#rows tr').length") == 500


def test_a_policy_allows_nothing_from_elsewhere() -> None:
    html = render(HOSTILE_ONE, "html")
    assert "default-src 'none'" in html
    assert "<script>alert" not in html
    assert "onerror=alert(1)>" not in html
    assert "\u202e" not in html


def test_the_same_benchmark_gives_the_same_bytes() -> None:
    for name in format_names():
        assert render(FULL, name) == render(FULL, name)


def test_json_holds_what_a_run_can_be_repeated_from() -> None:
    document = json.loads(render(FULL, "json"))
    assert document["schema"] == 1
    first = document["rows"][0]
    assert first["task"]["before"][0][0] == {
        "text": "SELECT * FROM parcel WHERE depot = $1", "values": ["5"],
    }  # fmt: skip
    assert len(first["timings_ms"]["before"]) == 12
    assert first["verdict"] == "faster"
    assert document["seed"] == 1


def test_csv_reads_back_and_starts_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(render(HOSTILE_ONE, "csv"))))
    assert len(rows) == len(HOSTILE_ONE.rows) + len(HOSTILE_ONE.not_measured)
    assert not any(row["statement"].startswith(("=", "+", "-", "@")) for row in rows)
    assert {row["verdict"] for row in rows} == {"faster", "not measured"}


def test_markdown_tables_keep_their_shape() -> None:
    for name in ("full", "hostile"):
        lines = render(ALL[name], "md").splitlines()
        table = [line for line in lines if line.startswith("| `")]
        assert len(table) == len(ALL[name].rows)
        assert {line.replace("\\|", "").count("|") for line in table} == {8}
        assert max(map(len, lines)) < 1000


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ALL)
def test_the_terminal_form_fits(name: str, width: int) -> None:
    text = for_terminal(ALL[name], width=width)
    table = text.split("\n\n")[1] if ALL[name].rows else ""
    assert all(len(line) <= max(width, 96) for line in table.splitlines())
    assert "\x1b" not in text
    assert headline(ALL[name])[:20] in text


def test_partial_results_say_so() -> None:
    for name in ("html", "md"):
        assert "Partial" in render(HOSTILE_ONE, name)
        assert "Partial" not in render(FULL, name)
    assert "Partial" in for_terminal(HOSTILE_ONE)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.01, "100× faster"),
        (0.25, "4.0× faster"),
        (0.8, "20.0 % faster"),
        (1.0, "no change"),
        (1.081, "8.1 % slower"),
        (3.0, "3.0× slower"),
    ],
)
def test_change_in_words(ratio: float, words: str) -> None:
    assert change_text(Effect(1, ratio, ratio, ratio, 0.1, 0.1, 12)) == words


def test_intervals_in_words() -> None:
    assert interval_text(Effect(1, 0.2, 0.16, 0.25, 0, 0, 12)) == "4.0× to 6.2× faster"
    assert interval_text(Effect(1, 1, 0.9, 1.1, 0, 0, 12)) == "10.0 % slower to 10.0 % faster"


def test_a_change_within_noise_is_not_claimed() -> None:
    unsure = Benchmark(**{
        **{f: getattr(FULL, f) for f in FULL.__dataclass_fields__},
        "total": Effect(100, 0.97, 0.9, 1.05, 0.4, 0.06, 12),
    })  # fmt: skip
    assert "no change that the measurement could tell from noise" in headline(unsure)


def test_bars_and_sparklines() -> None:
    assert bar(0.5).startswith("█████·")
    assert bar(2.0).endswith("▶")
    assert len(bar(0.001)) == 10
    assert sparkline([1, 2, 3]) == "▁▅█"
    assert sparkline([5, 5]) == "▁▁"


@pytest.mark.parametrize("text", ["p95", "p95<", "speed<5", "p95<50parsecs", ""])
def test_a_target_that_is_none_is_told(text: str) -> None:
    with pytest.raises(BadInput, match="is not a target"):
        read_target(text)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("p95<50ms", 49.9, True),
        ("p95 <= 0.05s", 50.0, True),
        ("index_usage>95%", 0.94, False),
        ("throughput>=500", 500.0, True),
    ],
)
def test_targets(text: str, value: float, expected: bool) -> None:
    assert read_target(text).met_by(value) is expected


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(BadInput, match="no format 'docx'"):
        render(FULL, "docx")
