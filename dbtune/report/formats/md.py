"""Markdown, for a comment on a pull request or a job's summary.

The first line is a hidden marker, by which a bot finds its comment and updates it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import chain

from dbtune.advice import Recommendation
from dbtune.finding import Severity
from dbtune.gate.verdict import Decision, Outcome
from dbtune.report.change import (
    describe,
    effect,
    measured_text,
    proof_text,
    search_text,
    served,
)
from dbtune.report.model import Report, ReportedStatement
from dbtune.report.render import Style
from dbtune.typeset.figures import bytes_text, count_text, ms_text, number_of, percent_text
from dbtune.typeset.foreign import block, one_line

MARKER = "<!-- dbtune report -->"
MAX_LENGTH = 60_000  # GitHub refuses comments above 65,536 characters
MAX_ROWS = 20
_ACTING = re.compile(r"([\\`*_\[\]|~])")


def render(report: Report, style: Style) -> str:
    """The report as one comment; what does not fit is counted."""
    rows = style.top or MAX_ROWS
    while True:
        text = "\n".join(chain([MARKER, ""], _document(report, rows))) + "\n"
        if len(text) <= MAX_LENGTH or rows == 1:
            return text
        rows //= 2


def _document(report: Report, rows: int) -> Iterator[str]:
    yield f"## dbtune: {_headline(report)}"
    yield ""
    yield _context(report)
    for reason in report.verdict.reasons:
        yield f"\n**Fails:** {_plain(reason)}"
    yield from _findings(report.verdict.decisions, rows)
    yield from _recommendations(report, rows)
    yield from _not_examined(report, rows)


def _headline(report: Report) -> str:
    failures = len(report.verdict.failures)
    if report.verdict.failed:
        return f"❌ {number_of(failures, 'finding')} to mend" if failures else "❌ fails"
    if report.findings:
        return f"✅ passes, {number_of(len(report.findings), 'finding')}"
    return "✅ nothing found"


def _context(report: Report) -> str:
    meta = report.meta
    priced = f", priced on {meta.engine_told}" if meta.engine else ""
    context = (
        f"Database {_code(meta.database)} on PostgreSQL {meta.server_version} as of "
        f"{meta.captured_at}{priced}."
    )
    if meta.kind == "check":
        return context
    return (
        f"{context} {number_of(len(report.statements), 'statement')} examined, "
        f"{percent_text(1 - report.not_examined_share)} of execution time."
    )


def _findings(decisions: Sequence[Decision], rows: int) -> Iterator[str]:
    failing = [d for d in decisions if d.outcome is Outcome.FAILS]
    other = [d for d in decisions if d.outcome is not Outcome.FAILS]
    for decision in failing[:rows]:
        yield from _failure(decision)
    yield from _more(len(failing) - rows, "failing finding")
    if other:
        yield "\n### Other findings\n" if failing else "\n### Findings\n"
        yield "| | Rule | Subject | What | Time |"
        yield "|---|---|---|---|---:|"
        yield from (_row(d) for d in other[:rows])
        yield from _more(len(other) - rows, "finding")


def _failure(decision: Decision) -> Iterator[str]:
    finding = decision.finding
    yield f"\n### {_mark(finding.severity)} {finding.rule}: {_code(finding.subject.name)}\n"
    yield _plain(finding.message)
    if finding.share:
        yield f"\nConcerns {percent_text(finding.share)} of execution time."
    yield f"\nFails because {_plain(decision.reason)}."
    if decision.location:
        yield f"\nAt {_code(f'{decision.location.file}:{decision.location.line}')}."
    if decision.cure:
        yield f"\n{_fence(decision.cure, 'sql')}"
    if decision.reproduce:
        yield f"\nSee it yourself:\n\n{_fence(decision.reproduce, 'sh')}"


def _row(decision: Decision) -> str:
    finding = decision.finding
    outcome = "" if decision.outcome is Outcome.PASSES else f" ({decision.outcome.value})"
    share = percent_text(finding.share) if finding.share else ""
    cells = (
        _mark(finding.severity),
        finding.rule + outcome,
        _code(finding.subject.name),
        _plain(finding.message),
        share,
    )
    return f"| {' | '.join(cells)} |"


def _recommendations(report: Report, rows: int) -> Iterator[str]:
    search = search_text(report)
    if not (report.recommendations or search or report.verification):
        return
    yield "\n### Recommendations"
    if search:
        yield f"\n{search}"
    if report.verification:
        yield f"\n{_plain(proof_text(report.verification))}"
        for rejected in report.verification.rejected:
            yield f"- rejected {_code(rejected.what)}: {_plain(rejected.reason)}"
    for recommendation in report.recommendations[:rows]:
        yield from _recommendation(recommendation, report)
    yield from _more(len(report.recommendations) - rows, "recommendation")


def _recommendation(recommendation: Recommendation, report: Report) -> Iterator[str]:
    described = describe(recommendation.change)
    yield f"\n**{_plain(described.title)}**: {_plain(recommendation.reason)}.\n"
    yield _fence(described.ddl, "sql")
    if price := effect(recommendation):
        yield f"\n- cost {count_text(price.cost_before)} → {count_text(price.cost_after)}"
    else:
        proof = recommendation.verified or "unverified: nothing priced it"
        yield f"\n- {_plain(proof)}"
    if measured := recommendation.measured_ms:
        yield f"- measured {measured_text(*measured)}"
    if recommendation.size_bytes is not None:
        yield f"- size {bytes_text(recommendation.size_bytes)}"
    if recommendation.built_bytes is not None:
        yield f"- built {bytes_text(recommendation.built_bytes)}"
    for note in recommendation.notes:
        yield f"- {_plain(note)}"
    if statements := report.named(served(recommendation)):
        yield from _served(statements)


def _served(statements: Sequence[ReportedStatement]) -> Iterator[str]:
    yield f"\n<details><summary>Serves {number_of(len(statements), 'statement')}</summary>\n"
    for statement in statements[:MAX_ROWS]:
        mean = f", {ms_text(statement.mean_ms)} each" if statement.mean_ms else ""
        yield f"{percent_text(statement.share)} of time, {statement.calls:,} calls{mean}\n"
        yield _fence(statement.text, "sql") + "\n"
    yield "</details>"


def _not_examined(report: Report, rows: int) -> Iterator[str]:
    if not report.not_examined:
        return
    share = percent_text(report.not_examined_share)
    yield f"\n<details><summary>Not examined: {share} of execution time</summary>\n"
    for entry in report.not_examined[:rows]:
        weight = f"{percent_text(entry.share)}, " if entry.share else ""
        remedy = f" {_plain(entry.remedy)}" if entry.remedy else ""
        yield f"- {weight}{_code(entry.what)}: {_plain(entry.reason)}.{remedy}"
    yield from _more(len(report.not_examined) - rows, "entry", "entries")
    yield "\n</details>"


def _more(rest: int, singular: str, plural: str = "") -> Iterator[str]:
    if rest > 0:
        yield f"\n… and {number_of(rest, singular, plural)} more."


def _mark(severity: Severity) -> str:
    return {Severity.ERROR: "🔴", Severity.WARNING: "🟡"}.get(severity, "🔵") + f" {severity.word}"


def _plain(text: str) -> str:
    """Foreign text on one line with nothing that Markdown, HTML or a mention would act on."""
    flat = html.escape(one_line(text, 1_000), quote=False)
    return _ACTING.sub(r"\\\1", flat).replace("@", "&#64;").replace("#", "&#35;")


def _code(text: str) -> str:
    """Foreign text as an inline code span that it cannot close."""
    flat = one_line(text, 200).replace("|", "¦")
    ticks = "`" * (_longest_run(flat) + 1)
    space = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{space}{flat}{space}{ticks}"


def _fence(text: str, language: str) -> str:
    """Foreign text as a code block that it cannot close."""
    shown = block(text)
    ticks = "`" * max(3, _longest_run(shown) + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
