"""TAP 14: a test point a finding; what is known or waived is skipped."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dbtune.gate.verdict import Decision, Outcome
from dbtune.report.model import Report
from dbtune.report.render import Style
from dbtune.typeset.foreign import block, one_line


def render(report: Report, style: Style) -> str:
    """The plan, then the points; a run that found nothing has one point that is ok."""
    del style
    verdict = report.verdict
    count = len(verdict.decisions) + len(verdict.reasons)
    lines = ["TAP version 14", f"1..{max(count, 1)}"]
    for number, decision in enumerate(verdict.decisions, 1):
        lines += _point(number, decision)
    for number, reason in enumerate(verdict.reasons, len(verdict.decisions) + 1):
        lines.append(f"not ok {number} - {_description(reason)}")
    if not count:
        lines.append("ok 1 - nothing found")
    return "\n".join(lines) + "\n"


def _point(number: int, decision: Decision) -> Iterator[str]:
    finding = decision.finding
    words = _description(f"{finding.rule}: {finding.subject.name}")
    if decision.outcome in {Outcome.KNOWN, Outcome.WAIVED}:
        yield f"ok {number} - {words} # SKIP {one_line(decision.reason, 200)}"
        return
    fails = decision.outcome is Outcome.FAILS
    yield f"{'not ok' if fails else 'ok'} {number} - {words}"
    yield "  ---"
    yield f"  message: {json.dumps(block(finding.message))}"
    yield f"  severity: {finding.severity.word}"
    location = decision.location
    if location:
        yield f"  at: {json.dumps(f'{one_line(location.file, 400)}:{location.line}')}"
    if decision.cure:
        yield f"  cure: {json.dumps(block(decision.cure))}"
    yield "  ..."


def _description(text: str) -> str:
    """Text on one line in which a hash begins no directive."""
    return one_line(text, 200).replace("\\", "\\\\").replace("#", "\\#")
