"""GitHub's workflow commands: an annotation a finding, at the line of the migration."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.finding import Severity
from dbtune.gate.verdict import Decision, Outcome
from dbtune.report.model import Report
from dbtune.report.render import Style
from dbtune.typeset.foreign import block, one_line

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, style: Style) -> str:
    """Commands for the job's log; known and waived findings have none."""
    del style
    lines = [*_commands(report)]
    return "".join(f"{line}\n" for line in lines)


def _commands(report: Report) -> Iterator[str]:
    for reason in report.verdict.reasons:
        yield f"::error title=dbtune::{_message(one_line(reason, 400))}"
    for decision in report.verdict.decisions:
        if decision.outcome in {Outcome.FAILS, Outcome.PASSES}:
            yield _command(decision)


def _command(decision: Decision) -> str:
    finding, location = decision.finding, decision.location
    fails = decision.outcome is Outcome.FAILS
    command = "error" if fails else _COMMANDS[min(finding.severity, Severity.WARNING)]
    properties = {"title": f"{finding.rule}: {one_line(finding.subject.name, 100)}"}
    if location:
        properties = {"file": location.file, "line": str(location.line), **properties}
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    parts = [finding.message, decision.cure, decision.reproduce]
    text = "\n\n".join(block(part) for part in parts if part)
    return f"::{command} {written}::{_message(text)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
