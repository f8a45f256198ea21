"""GitLab's code quality report: JSON entries with a path, a line and a stable fingerprint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dbtune.finding import Severity
from dbtune.gate.verdict import Decision, Outcome
from dbtune.report.model import Report
from dbtune.report.render import Style
from dbtune.typeset.foreign import one_line

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}
_NO_FILE = "."


def render(report: Report, style: Style) -> str:
    """What fails or passes; known and waived findings are left out, as GitLab compares branches."""
    del style
    entries = [
        _entry(d) for d in report.verdict.decisions if d.outcome in {Outcome.FAILS, Outcome.PASSES}
    ]
    return json.dumps(entries, indent=2) + "\n"


def _entry(decision: Decision) -> Mapping[str, Any]:
    finding, location = decision.finding, decision.location
    return {
        "description": one_line(finding.message, 1_000),
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": location.file if location else _NO_FILE,
            "lines": {"begin": location.line if location else 1},
        },
    }
