"""report.json: schema 2, keys sorted, the same bytes for the same report."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from dbtune.advice import Advice, Measured, Price, Recommendation, Verification
from dbtune.finding import Finding
from dbtune.gate.verdict import Decision
from dbtune.plan import Plan, Unplanned
from dbtune.plan_text import plan_text
from dbtune.report.change import describe, effect, served
from dbtune.report.model import Report, ReportedStatement
from dbtune.report.render import Style
from dbtune.traffic import LoggedPlan
from dbtune.workload import NotExamined

SCHEMA = 2
"""2 added `advice`, `verification`, and what was measured of each recommendation."""


def render(report: Report, style: Style) -> str:
    """Everything in the report, whatever the style says: a program reads it."""
    del style
    document = {
        "schema": SCHEMA,
        "meta": _meta(report),
        "findings": [_finding(f) for f in report.findings],
        "recommendations": [_recommendation(r) for r in report.recommendations],
        "declined": [
            {"what": d.what, "reason": d.reason, "statement": d.statement or None}
            for d in report.declined
        ],
        "advice": _advice(report.advice) if report.advice else None,
        "statements": [_statement(s) for s in report.statements],
        "verification": _verification(report.verification) if report.verification else None,
        "not_examined": [_not_examined(n) for n in report.not_examined],
        "verdict": {
            "failed": report.verdict.failed,
            "exit_code": int(report.verdict.exit_code),
            "reasons": list(report.verdict.reasons),
            "decisions": [_decision(d) for d in report.verdict.decisions],
        },
    }
    return json.dumps(_plain(document), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _meta(report: Report) -> dict[str, Any]:
    meta = report.meta
    document: dict[str, Any] = {
        "kind": meta.kind,
        "dbtune_version": meta.dbtune_version,
        "server_version": meta.server_version,
        "database": meta.database,
        "captured_at": meta.captured_at,
        "engine": meta.engine or None,
    }
    if meta.system_identifier:
        document["system_identifier"] = meta.system_identifier
    if meta.timings:
        document["timings"] = [{"stage": t.stage, "seconds": t.seconds} for t in meta.timings]
    return document


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "complete": advice.complete,
        "gap": advice.gap,
        "cost_before": advice.cost_before,
        "cost_after": advice.cost_after,
        "explains": advice.explains,
        "candidates_made": advice.candidates_made,
        "candidates_pruned": dict(advice.candidates_pruned),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    subject = finding.subject
    return {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "confidence": finding.confidence.word,
        "subject": {
            "name": subject.name,
            "relation": subject.relation.sql if subject.relation else None,
            "columns": list(subject.columns),
            "index": subject.index.sql if subject.index else None,
        },
        "fingerprint": finding.fingerprint,
        "title": finding.title,
        "message": finding.message,
        "evidence": finding.evidence,
        "statements": list(finding.statements),
        "share": finding.share,
    }


def _recommendation(recommendation: Recommendation) -> dict[str, Any]:
    described = describe(recommendation.change)
    total = effect(recommendation)
    return {
        "kind": described.kind,
        "title": described.title,
        "ddl": described.ddl,
        "relation": described.relation.sql if described.relation else None,
        "columns": list(described.columns),
        "reason": recommendation.reason,
        "cost_before": total.cost_before if total else None,
        "cost_after": total.cost_after if total else None,
        "size_bytes": recommendation.size_bytes,
        "saved_ms": recommendation.saved_ms,
        "write_ms": recommendation.write_ms,
        "statements": list(served(recommendation)),
        "prices": [_price(p) for p in recommendation.prices],
        "rules": list(recommendation.rules),
        "notes": list(recommendation.notes),
        "verified": recommendation.is_verified,
        "proof": recommendation.verified or None,
        "measured": [_measured(m) for m in recommendation.measured],
        "built_bytes": recommendation.built_bytes,
    }


def _price(price: Price) -> dict[str, Any]:
    return {
        "statement": price.statement,
        "calls": price.calls,
        "total_exec_ms": price.total_exec_ms,
        "cost_before": price.cost_before,
        "cost_after": price.cost_after,
        "engine": price.engine,
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "statement": measured.statement,
        "calls": measured.calls,
        "before_ms": measured.before_ms,
        "after_ms": measured.after_ms,
        "ratio": measured.ratio,
        "low": measured.low,
        "high": measured.high,
        "verdict": measured.verdict,
        "predicted_ratio": measured.predicted,
        "note": measured.note or None,
    }


def _verification(verification: Verification) -> dict[str, Any]:
    return {
        "place": verification.place,
        "sets": verification.sets,
        "stopped": verification.stopped or None,
        "measured": [_measured(m) for m in verification.measured],
        "measured_at_first": [_measured(m) for m in verification.at_first],
        "same_plan": verification.unchanged,
        "rejected": [
            {"what": d.what, "reason": d.reason, "statement": d.statement or None}
            for d in verification.rejected
        ],
        "not_measured": [
            {"what": d.what, "reason": d.reason, "statement": d.statement}
            for d in verification.not_measured
        ],
    }


def _logged(logged: LoggedPlan) -> dict[str, Any]:
    return {
        "source": "auto_explain",
        "logged_at": logged.logged_at,
        "exec_ms": logged.exec_ms,
        "signature": logged.plan.signature,
        "text": plan_text(logged.plan, measured=True),
    }


def _statement(statement: ReportedStatement) -> dict[str, Any]:
    return {
        "fingerprint": statement.fingerprint,
        "text": statement.text,
        "calls": statement.calls,
        "mean_ms": statement.mean_ms,
        "total_exec_ms": statement.total_exec_ms,
        "rows": statement.rows,
        "share": statement.share,
        "cost": statement.cost,
        "plan": statement.plan.signature if isinstance(statement.plan, Plan) else None,
        "logged_plan": _logged(statement.logged) if statement.logged else None,
        "unplanned": statement.plan.reason if isinstance(statement.plan, Unplanned) else None,
    }


def _not_examined(left_out: NotExamined) -> dict[str, Any]:
    return {
        "what": left_out.what,
        "reason": left_out.reason,
        "share": left_out.share,
        "remedy": left_out.remedy or None,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    location = decision.location
    return {
        "fingerprint": decision.finding.fingerprint,
        "rule": decision.finding.rule,
        "outcome": decision.outcome.value,
        "reason": decision.reason,
        "reproduce": decision.reproduce or None,
        "cure": decision.cure or None,
        "location": {"file": location.file, "line": location.line} if location else None,
    }


def _plain(value: Any) -> Any:
    """JSON's own types: tuples as lists, floats rounded, no NaN or infinity."""
    if isinstance(value, float):
        return _rounded(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _rounded(value: float) -> float:
    """Three decimals, or six significant digits below 1: what a reader can use, no noise."""
    return round(value, 3) if abs(value) >= 1 else float(f"{value:.6g}")
