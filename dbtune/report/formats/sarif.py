"""SARIF 2.1.0, for code scanning: one result a finding, suppressed ones marked as such."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dbtune.finding import Severity
from dbtune.gate.verdict import Decision, Location, Outcome
from dbtune.report.model import Report
from dbtune.report.render import Style
from dbtune.typeset.foreign import block, one_line

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report, style: Style) -> str:
    """One run; fingerprints stay the same as long as the finding does."""
    del style
    titles = {d.finding.rule: d.finding.title for d in report.verdict.decisions}
    rules = sorted(titles)
    run = {
        "tool": {
            "driver": {
                "name": "dbtune",
                "version": report.meta.dbtune_version,
                "rules": [
                    {"id": rule, "shortDescription": {"text": one_line(titles[rule], 200)}}
                    for rule in rules
                ],
            }
        },
        "invocations": [{"executionSuccessful": True, "exitCode": int(report.verdict.exit_code)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, rules.index(d.finding.rule)) for d in report.verdict.decisions],
        "properties": {"reasons": [one_line(r, 400) for r in report.verdict.reasons]},
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _result(decision: Decision, rule_index: int) -> Mapping[str, Any]:
    finding = decision.finding
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(decision)},
        "locations": [_location(decision)],
        "partialFingerprints": {"dbtune/v1": finding.fingerprint},
        "properties": {
            "outcome": decision.outcome.value,
            "reason": one_line(decision.reason, 400),
            "confidence": finding.confidence.word,
        },
    }
    if decision.outcome in {Outcome.KNOWN, Outcome.WAIVED}:
        justification = one_line(decision.reason, 400)
        result["suppressions"] = [{"kind": "external", "justification": justification}]
    return result


def _message(decision: Decision) -> str:
    parts = [block(decision.finding.message)]
    if decision.cure:
        parts.append(f"Cure: {block(decision.cure)}")
    if decision.reproduce:
        parts.append(f"See it: {block(decision.reproduce)}")
    return "\n\n".join(parts)


def _location(decision: Decision) -> Mapping[str, Any]:
    subject = one_line(decision.finding.subject.name, 200)
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": subject}]}
    if decision.location:
        location["physicalLocation"] = _physical(decision.location)
    return location


def _physical(location: Location) -> Mapping[str, Any]:
    return {
        "artifactLocation": {"uri": quote(location.file)},
        "region": {"startLine": location.line},
    }
