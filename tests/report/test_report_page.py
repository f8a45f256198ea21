"""The HTML page in a browser, and its colours against the contrast that WCAG asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dbtune.report.model import Report
from dbtune.report.render import render
from dbtune.resources import templates_dir
from tests.report.example import FULL, HOSTILE

AA_CONTRAST = 4.5
ON_CARD = ("ink", "muted", "accent", "error", "warning", "info", "good")


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return found


def dumped_dom(chromium: str, page: Path) -> tuple[str, str]:
    """The DOM that the browser made of a page, and what it said on the console."""
    command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


@pytest.mark.parametrize("report", [FULL, HOSTILE], ids=["full", "hostile"])
def test_a_browser_runs_our_script_and_no_other(
    report: Report, chromium: str, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(report, "html"), encoding="utf-8")
    dom, console = dumped_dom(chromium, page)
    assert console == ""
    assert dom.count("<script") == 1
    assert "<img" not in dom
    assert '<button type="button">Share</button>' in dom  # the script made the heads sortable


def test_a_long_name_makes_no_page_scroll_sideways(chromium: str, tmp_path: Path) -> None:
    first = replace(FULL.recommendations[0], reason="x" * 400)
    html = render(replace(FULL, recommendations=(first,)), "html")
    html = re.sub(r"<meta[^>]*Content-Security-Policy[^>]*>", "", html)  # for the script below
    measure = "const d = document.documentElement; document.title = d.scrollWidth - d.clientWidth"
    page = tmp_path / "report.html"
    page.write_text(html.replace("</body>", f"<script>{measure}</script></body>"), "utf-8")
    dom, _ = dumped_dom(chromium, page)
    assert "<title>0</title>" in dom


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_contrast_is_enough(scheme: str) -> None:
    colors = palette(scheme)
    pairs = [(name, "card") for name in ON_CARD] + [(name, "ground") for name in ("ink", "muted")]
    pairs += [(s, f"{s}-soft") for s in ("error", "warning", "info")]
    pairs += [("ink", "code"), ("ink", "warning-soft"), ("ink", "error-soft")]
    pairs += [("accent", "accent-soft")]
    low = {p: round(contrast(colors[p[0]], colors[p[1]]), 2) for p in pairs}
    assert {p: ratio for p, ratio in low.items() if ratio < AA_CONTRAST} == {}


def palette(scheme: str) -> dict[str, str]:
    """The custom properties of a colour scheme; dark and print override light."""
    blocks = re.findall(r":root \{(.*?)\}", (templates_dir() / "style.css").read_text(), re.DOTALL)
    light, dark, on_paper = (dict(re.findall(r"--([\w-]+): (#\w+);", b)) for b in blocks)
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **on_paper}}[scheme]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, 1.4.3."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(c * 2 for c in color[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
