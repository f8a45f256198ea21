"""Figures and foreign text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtune.typeset.figures import bytes_text, count_text, ms_text, percent_text, times_text
from dbtune.typeset.foreign import block, one_line, shortened, visible


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (count_text(1_234_567), "1,234,567"),
        (count_text(8.314), "8.31"),
        (count_text(0), "0"),
        (count_text(1e12), "1,000,000,000,000"),
        (bytes_text(8192), "8,192 bytes"),
        (bytes_text(24_117_248), "23 MB"),
        (bytes_text(1_503_238_553), "1.4 GB"),
        (bytes_text(0), "0 bytes"),
        (ms_text(0.42), "0.42 ms"),
        (ms_text(3_100), "3.1 s"),
        (ms_text(12 * 60_000), "12 min"),
        (ms_text(9_607_000), "2.67 h"),
        (ms_text(864_000_000), "10.0 days"),
        (percent_text(0), "0 %"),
        (percent_text(0.0001), "< 0.1 %"),
        (percent_text(0.614), "61.4 %"),
        (percent_text(1), "100 %"),
        (times_text(2042.3), "2,042×"),
        (times_text(1.25), "1.2×"),
    ],
)
def test_figures(made: str, expected: str) -> None:
    assert made == expected


def test_what_acts_is_shown() -> None:
    assert visible("a\u202eb\x1b[2Jc\u2028\ud800") == ("a⟨U+202E⟩b⟨U+001B⟩[2Jc⟨U+2028⟩⟨U+D800⟩")
    assert visible("naïve — 漢字 🚢\n\tok") == "naïve — 漢字 🚢\n\tok"


def test_long_literals_go_first() -> None:
    text = f"SELECT '{'x' * 5000}', 'it''s', $1"
    short = shortened(text)
    assert short.startswith("SELECT 'xxx")
    assert short.endswith("', 'it''s', $1")
    assert "more characters" in short
    assert len(short) < 200


@given(st.text())
def test_any_text_becomes_one_short_line_that_encodes(text: str) -> None:
    line = one_line(text, 40)
    assert len(line) <= 40
    assert "\n" not in line
    assert line.encode().decode() == line


@given(st.text())
def test_showing_twice_changes_nothing_more(text: str) -> None:
    assert block(block(text)) == block(text)
