"""One self-contained page: everything in the report, for people who were not there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dbtune.advice import Measured, Price, Recommendation
from dbtune.finding import Finding, Severity
from dbtune.gate.verdict import Decision, Outcome
from dbtune.plan import Plan
from dbtune.plan_text import plan_text
from dbtune.report.change import (
    Described,
    Effect,
    describe,
    effect,
    measured_text,
    proof_text,
    search_text,
    served,
)
from dbtune.report.model import Report, ReportedStatement
from dbtune.report.render import Style
from dbtune.typeset.figures import ms_text, number_of, percent_text
from dbtune.typeset.page import page

MAX_STATEMENTS = 200
MAX_ENTRIES = 100
MAX_SERVED = 25


def render(report: Report, style: Style) -> str:
    """The page; `style.top` limits the statements only, since a page can be searched."""
    shown = report.statements[: style.top or MAX_STATEMENTS]
    left_out = report.statements[len(shown) :]
    return page(
        "report.html",
        report=report,
        reasons=tuple(_reasons(report)),
        tiles=tuple(_tiles(report)),
        severities=tuple(_severities(report.findings)),
        recommendations=tuple(_recommendation(r, report) for r in report.recommendations),
        findings=tuple(_finding(d, report) for d in _failures_first(report.verdict.decisions)),
        search=search_text(report),
        proof=proof_text(report.verification) if report.verification else "",
        measured=tuple(_measured(report)),
        statements=tuple(_planned(shown)),
        left_out_statements=len(left_out),
        left_out_share=sum(s.share for s in left_out),
        not_examined=report.not_examined[:MAX_ENTRIES],
        left_out_entries=max(0, len(report.not_examined) - MAX_ENTRIES),
    )


@dataclass(frozen=True, slots=True)
class _Tile:
    figure: str
    name: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _SeverityCount:
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class _Plans:
    """A statement's plan and the one that the target logged, as text; "" where there is none."""

    text: str
    logged: str


@dataclass(frozen=True)
class _Served:
    statement: ReportedStatement
    plan: _Plans
    price: Price | None


@dataclass(frozen=True)
class _Recommended:
    recommendation: Recommendation
    described: Described
    effect: Effect | None
    share: float
    statements: tuple[_Served, ...]
    measured: str


@dataclass(frozen=True)
class _Found:
    finding: Finding
    decision: Decision
    outcome: str
    evidence: tuple[tuple[str, str], ...]
    statements: tuple[tuple[ReportedStatement, _Plans], ...]


def _reasons(report: Report) -> Iterator[str]:
    yield from report.verdict.reasons
    for reason, count in Counter(d.reason for d in report.verdict.failures).items():
        yield f"{number_of(count, 'finding')}: {reason}"


def _tiles(report: Report) -> Iterator[_Tile]:
    for severity in _severities(report.findings):
        noun = "note" if severity.word == "info" else severity.word
        name = noun if severity.count == 1 else f"{noun}s"
        yield _Tile(f"{severity.count:,}", name, severity.word)
    if not report.findings:
        yield _Tile("0", "findings", "good")
    yield _Tile(f"{len(report.recommendations):,}", "recommendations")
    total_ms = sum(s.total_exec_ms for s in report.statements)
    saved_ms = sum(r.saved_ms for r in report.recommendations)
    if total_ms and saved_ms:
        share = percent_text(min(saved_ms / total_ms, 1.0))
        yield _Tile(share, f"of {ms_text(total_ms)} execution time to save", "good")
    if report.statements and report.meta.kind == "analyze":
        examined = percent_text(1 - report.not_examined_share)
        yield _Tile(examined, f"of time examined, {number_of(len(report.statements), 'statement')}")


def _severities(findings: Iterable[Finding]) -> Iterator[_SeverityCount]:
    counts = Counter(f.severity for f in findings)
    for severity in sorted(Severity, reverse=True):
        if counts[severity]:
            yield _SeverityCount(severity.word, counts[severity])


def _recommendation(recommendation: Recommendation, report: Report) -> _Recommended:
    prices = {p.statement: p for p in recommendation.prices}
    statements = report.named(served(recommendation))
    return _Recommended(
        recommendation=recommendation,
        described=describe(recommendation.change),
        effect=effect(recommendation),
        share=sum(s.share for s in statements),
        statements=tuple(
            _Served(s, plan, prices.get(s.fingerprint))
            for s, plan in _planned(statements[:MAX_SERVED])
        ),
        measured=measured_text(*recommendation.measured_ms) if recommendation.measured_ms else "",
    )


def _measured(report: Report) -> Iterator[tuple[Measured, str, str]]:
    """Statements measured on a clone, with the change in words and their text; slower first."""
    found = report.verification.measured if report.verification else ()
    for m in sorted(found, key=lambda m: m.verdict != "slower")[:MAX_STATEMENTS]:
        known = report.by_fingerprint.get(m.statement)
        words = measured_text(m.before_ms, m.after_ms)
        yield m, words, known.text if known else m.statement


def _failures_first(decisions: Sequence[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda d: d.outcome is not Outcome.FAILS)


def _finding(decision: Decision, report: Report) -> _Found:
    finding = decision.finding
    return _Found(
        finding=finding,
        decision=decision,
        outcome=decision.outcome.value,
        evidence=tuple((k.replace("_", " "), _value(v)) for k, v in finding.evidence.items()),
        statements=tuple(_planned(report.named(finding.statements)[:MAX_SERVED])),
    )


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)


def _planned(
    statements: Iterable[ReportedStatement],
) -> Iterator[tuple[ReportedStatement, _Plans]]:
    for statement in statements:
        plan = statement.plan
        logged = statement.logged.plan if statement.logged else None
        yield (
            statement,
            _Plans(
                text=plan_text(plan) if isinstance(plan, Plan) and plan is not logged else "",
                logged=plan_text(logged, measured=True) if logged else "",
            ),
        )
