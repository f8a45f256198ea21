"""The rules as a reader meets them: a table of all, a page of one."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from dbtune.rules.model import Rule

_WIDTH = 88


def readme_table(rules: Sequence[Rule]) -> str:
    """The README's Markdown table of rules, in the order of ids."""
    rows = "".join(
        f"| `{rule.id}` | {rule.severity.word} | {rule.title} |\n"
        for rule in sorted(rules, key=lambda r: r.id)
    )
    return f"| rule | severity | what it finds |\n|---|---|---|\n{rows}"


def page(rule: Rule) -> str:
    """All that is to know of one rule, as plain text."""
    thresholds = [f"  {t.name} = {t.value}\n{_wrapped(t.because)}" for t in rule.thresholds]
    severities = [
        f"  {case.severity.word} when {case.when.source}\n{_wrapped(case.because)}"
        for case in rule.severity_cases
    ]
    sections = [
        ("Why", _wrapped(rule.why)),
        ("Example", _indented(rule.example)),
        ("Cure", _wrapped(rule.cure)),
        ("Thresholds", "\n".join(thresholds)),
        (
            "Severity",
            "\n".join([f"  {rule.severity.word}, but", *severities] if severities else []),
        ),
        ("See", _indented("\n".join(rule.references))),
    ]
    head = f"{rule.id} ({rule.severity.word}, from {rule.min_confidence.word}): {rule.title}"
    told = [f"{title}\n{body}" for title, body in sections if body]
    return "\n\n".join(
        [head, *told, f"Defined in {rule.file.name}, detector {rule.detector.name}."]
    )


def as_json(rule: Rule) -> dict[str, Any]:
    """The rule as JSON-ready values."""
    return {
        "id": rule.id,
        "detector": rule.detector.name,
        "title": rule.title,
        "severity": rule.severity.word,
        "severity_when": [
            {"severity": c.severity.word, "when": c.when.source, "because": c.because}
            for c in rule.severity_cases
        ],
        "min_confidence": rule.min_confidence.word,
        "params": {t.name: {"value": t.value, "because": t.because} for t in rule.thresholds},
        "message": rule.message.source,
        "why": rule.why,
        "example": rule.example,
        "cure": rule.cure,
        "references": list(rule.references),
    }


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")


def _wrapped(prose: str) -> str:
    return textwrap.fill(prose, _WIDTH, initial_indent="  ", subsequent_indent="  ")
