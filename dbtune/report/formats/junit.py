"""JUnit XML: a test case a finding; what is known or waived is skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from dbtune.gate.verdict import Decision, Outcome
from dbtune.report.model import Report
from dbtune.report.render import Style
from dbtune.typeset.foreign import block, one_line

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, style: Style) -> str:
    """One suite; a run that found nothing holds one case that passed."""
    del style
    verdict = report.verdict
    cases = [*map(_case, verdict.decisions), *map(_reason, verdict.reasons)]
    if not cases:
        cases = ['    <testcase classname="dbtune" name="nothing found"/>']
    failures = len(verdict.failures) + len(verdict.reasons)
    skipped = sum(d.outcome in {Outcome.KNOWN, Outcome.WAIVED} for d in verdict.decisions)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="dbtune" {counts}>',
        f'  <testsuite name="dbtune {report.meta.kind}" {counts} skipped="{skipped}">',
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(decision: Decision) -> str:
    finding = decision.finding
    name = f"{one_line(finding.subject.name, 200)} {finding.fingerprint}"
    attributes = f"classname={_attribute(finding.rule)} name={_attribute(name)}"
    if decision.location:
        attributes += f" file={_attribute(one_line(decision.location.file, 400))}"
        attributes += f' line="{decision.location.line}"'
    inside = "".join(_inside(decision))
    return f"    <testcase {attributes}>{inside}</testcase>"


def _inside(decision: Decision) -> Iterator[str]:
    finding = decision.finding
    if decision.outcome is Outcome.FAILS:
        text = "\n\n".join(
            block(part) for part in (finding.message, decision.cure, decision.reproduce) if part
        )
        message = _attribute(one_line(finding.title, 200))
        yield f"<failure type={_attribute(finding.severity.word)} message={message}>"
        yield f"{_text(text)}</failure>"
    elif decision.outcome is Outcome.PASSES:
        yield f"<system-out>{_text(block(finding.message))}</system-out>"
    else:
        yield f"<skipped message={_attribute(one_line(decision.reason, 400))}/>"


def _reason(reason: str) -> str:
    words = one_line(reason, 400)
    return (
        f'    <testcase classname="policy" name={_attribute(words)}>'
        f'<failure type="error" message={_attribute(words)}/></testcase>'
    )


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
