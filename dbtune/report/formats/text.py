"""The terminal's report: what matters first, in as few lines as will carry it."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dbtune.advice import Recommendation, Verification
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
from dbtune.statement.label import without_select_list
from dbtune.typeset.figures import (
    bytes_text,
    count_text,
    ms_text,
    number_of,
    percent_text,
    times_text,
)
from dbtune.typeset.foreign import block, one_line, visible
from dbtune.workload import NotExamined

MIN_WIDTH = 40
_COLORS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
T = TypeVar("T")


def render(report: Report, style: Style) -> str:
    """The report for a terminal of the style's width, coloured only if the style says so."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(style.width, MIN_WIDTH),
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(_header(report))
    for title, body in _sections(report, style):
        console.print(Text(f"\n{title}", style="bold"), "", *body, sep="\n")
    console.print("", *_ending(report, style), sep="\n", soft_wrap=True)
    return _without_double_blanks(out.getvalue())


def _without_double_blanks(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"


def _sections(report: Report, style: Style) -> Iterator[tuple[str, Sequence[RenderableType]]]:
    decisions = report.verdict.decisions
    if decisions:
        shown, rest = _top(_by_importance(decisions), style.top)
        yield _findings_title(report), [*_findings(shown, style.width), *_more(rest, "finding")]
    else:
        yield "Findings", [Text("  None.")]
    if report.recommendations:
        chosen, rest = _top(report.recommendations, style.top)
        lines = [
            *_recommendations(chosen, report),
            *_more(rest, "recommendation"),
            *_search(report),
        ]
        yield "Recommendations", lines
    elif lines := [*_search(report)]:
        yield "Recommendations", lines
    if report.verification:
        yield "Measured", [*_verification(report.verification, report, style)]
    if report.meta.kind == "analyze" and report.statements and report.statements[0].share:
        yield "Where the time goes", [_statements(report.statements[: style.top or 5], style.width)]
    if report.not_examined:
        left_out, rest = _top(report.not_examined, style.top or 10)
        title = f"Not examined ({percent_text(report.not_examined_share)} of execution time)"
        yield title, [_not_examined(left_out), *_more(rest, "entry", "entries")]


def _header(report: Report) -> RenderableType:
    meta = report.meta
    first = Text.assemble(
        ("dbtune", "bold"),
        f" {meta.dbtune_version}: database {one_line(meta.database, 63)}, "
        f"PostgreSQL {meta.server_version}, as of {meta.captured_at}",
    )
    done = "examined" if meta.kind == "analyze" else "concerned"
    second = f"{number_of(len(report.statements), 'statement')} {done}"
    if report.not_examined_share and meta.kind == "analyze":
        second += f", {percent_text(1 - report.not_examined_share)} of execution time"
    if meta.engine:
        second += f"; prices are planner costs from {meta.engine_told}"
    return Group(first, Text(second + "."))


def _findings_title(report: Report) -> str:
    counts = []
    for severity in sorted(Severity, reverse=True):
        count = sum(f.severity is severity for f in report.findings)
        if count:
            noun = severity.word if severity is not Severity.INFO else "note"
            counts.append(number_of(count, noun))
    return f"Findings: {', '.join(counts)}"


def _by_importance(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """What fails first; within that the order of judgement, one rule's findings together."""
    ranked = sorted(decisions, key=lambda d: d.outcome is not Outcome.FAILS)
    places: dict[tuple[bool, Severity, str], int] = {}
    for decision in ranked:
        places.setdefault(_group(decision), len(places))
    return tuple(sorted(ranked, key=lambda d: places[_group(d)]))


def _group(decision: Decision) -> tuple[bool, Severity, str]:
    finding = decision.finding
    return decision.outcome is Outcome.FAILS, finding.severity, finding.rule


def _findings(decisions: Sequence[Decision], width: int) -> Iterator[RenderableType]:
    for (_, severity, rule), group in groupby(decisions, key=_group):
        word = "note" if severity is Severity.INFO else severity.word
        yield Text.assemble("  ", (f"{word:<8}", _COLORS[severity]), (rule, "bold"))
        for decision in group:
            yield Padding(_finding(decision, width), (0, 0, 0, 4))
        yield ""


def _finding(decision: Decision, width: int) -> RenderableType:
    finding = decision.finding
    subject = one_line(finding.subject.name, max(width - 24, 20))
    share = f"  {percent_text(finding.share)} of time" if finding.share else ""
    lines: list[RenderableType] = [
        Text.assemble((subject, "underline"), (share, "dim")),
        Padding(Text(block(finding.message)), (0, 0, 0, 2)),
    ]
    if decision.outcome in {Outcome.KNOWN, Outcome.WAIVED}:
        lines.append(_labelled(decision.outcome.value, decision.reason))
    if decision.location:
        lines.append(_labelled("at", f"{decision.location.file}:{decision.location.line}"))
    if decision.cure:
        lines.append(_labelled("cure", block(decision.cure)))
    if decision.reproduce:
        lines.append(_labelled("see", decision.reproduce))
    return Group(*lines)


def _labelled(label: str, text: str) -> RenderableType:
    return _hanging(Text(f"  {label}:", style="dim"), Text(visible(text)))


def _hanging(head: RenderableType, body: RenderableType) -> RenderableType:
    """The body beside its head, wrapped below itself."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    grid.add_row(head, body)
    return grid


def _recommendations(
    recommendations: Sequence[Recommendation], report: Report
) -> Iterator[RenderableType]:
    for number, recommendation in enumerate(recommendations, 1):
        described = describe(recommendation.change)
        lines: list[RenderableType] = [
            Text(visible(described.title), style="bold"),
            Text(_figures(recommendation, report)),
            Text(block(described.ddl), style="green"),
            *(_labelled("note", note) for note in recommendation.notes),
        ]
        yield _hanging(Text(f"{number:>3}."), Group(*lines))
        yield ""


def _search(report: Report) -> Iterator[RenderableType]:
    if text := search_text(report):
        yield Padding(Text(text), (0, 0, 0, 2))


def _figures(recommendation: Recommendation, report: Report) -> str:
    """Cost before → after, size, statements served; or that nobody checked."""
    parts = []
    if price := effect(recommendation):
        change = f"cost {count_text(price.cost_before)} → {count_text(price.cost_after)}"
        parts.append(f"{change} ({times_text(price.ratio)})")
    elif recommendation.verified:
        parts.append(recommendation.verified.rstrip("."))
    else:
        parts.append("unverified: nothing priced it")
    if measured := recommendation.measured_ms:
        parts.append(f"measured {measured_text(*measured)}")
    if recommendation.size_bytes is not None:
        parts.append(bytes_text(recommendation.size_bytes))
    if recommendation.built_bytes is not None:
        parts.append(f"built {bytes_text(recommendation.built_bytes)}")
    if recommendation.saved_ms:
        parts.append(f"saves {ms_text(recommendation.saved_ms)}")
    if recommendation.write_ms:
        parts.append(f"writes cost {ms_text(recommendation.write_ms)}")
    if statements := served(recommendation):
        share = sum(s.share for s in report.named(statements))
        of_time = f" ({percent_text(share)} of time)" if share else ""
        parts.append(f"serves {number_of(len(statements), 'statement')}{of_time}")
    return ", ".join(visible(part) for part in parts)


def _verification(
    verification: Verification, report: Report, style: Style
) -> Iterator[RenderableType]:
    """What the set did where it was built: the slower first, and what was rejected."""
    yield Padding(Text(visible(proof_text(verification))), (0, 0, 0, 2))
    for rejected in verification.rejected:
        words = f"{one_line(rejected.what, 200)}: {block(rejected.reason)}"
        yield _hanging(Text("  rejected"), Text(words))
    ranked = sorted(verification.measured, key=lambda m: m.verdict != "slower")
    shown, rest = _top(ranked, style.top or 10)
    for m in shown:
        known = report.by_fingerprint.get(m.statement)
        predicted = f", predicted {times_text(1 / m.predicted)}" if m.predicted else ""
        note = f"; {m.note}" if m.note else ""
        head = f"{measured_text(m.before_ms, m.after_ms)}{predicted}: {m.verdict}{note}"
        words = f"{head}\n{one_line(known.text if known else m.statement, style.width - 14)}"
        yield _hanging(Text("          "), Text(words))
    yield from _more(rest, "statement")


def _statements(statements: Sequence[ReportedStatement], width: int) -> RenderableType:
    rows = [
        (
            percent_text(statement.share),
            f"{statement.calls:,} ×",
            ms_text(statement.mean_ms) if statement.mean_ms else "",
        )
        for statement in statements
    ]
    sizes = [max(9, *map(len, column)) for column in zip(*rows, strict=True)]
    heads = [
        "  ".join(f"{cell:>{size}}" for cell, size in zip(row, sizes, strict=True)) for row in rows
    ]
    return Group(
        *(
            Text(f"{head}  {_statement(s.text, max(width - len(head) - 2, 10))}")
            for head, s in zip(heads, statements, strict=True)
        )
    )


def _statement(text: str, width: int) -> str:
    """A statement in a line of a list; one that does not fit loses its select list first."""
    whole = one_line(text, width + 1)
    return whole if len(whole) <= width else one_line(without_select_list(text, 3), width)


def _not_examined(left_out: Sequence[NotExamined]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True, min_width=9)
    grid.add_column(overflow="fold", ratio=1)
    for entry in left_out:
        words = f"{one_line(entry.what, 200)}: {block(entry.reason)}"
        if entry.remedy:
            words += f"\n{visible(entry.remedy)}"
        grid.add_row(percent_text(entry.share) if entry.share else "", Text(words))
    return grid


def _top(values: Sequence[T], top: int) -> tuple[Sequence[T], int]:
    """The first `top` values (0: all) and how many are left."""
    shown = values[:top] if top else values
    return shown, len(values) - len(shown)


def _more(rest: int, singular: str, plural: str = "") -> list[RenderableType]:
    if not rest:
        return []
    return [Text(f"  … and {number_of(rest, singular, plural)} more: see the report or --top.\n")]


def _listed(files: Sequence[str]) -> str:
    """Paths; those in one folder by their names."""
    folders = {str(PurePath(f).parent) for f in files}
    if len(files) == 1 or len(folders) > 1:
        return ", ".join(files)
    return f"{', '.join(PurePath(f).name for f in files)} in {folders.pop()}"


def _nothing(report: Report) -> str:
    if report.not_examined:
        return "Nothing found in what could be examined; what could not stands above."
    if not report.statements:
        return "Nothing found in the catalog; there is no statement yet to examine."
    return "Nothing to do."


def _ending(report: Report, style: Style) -> Iterator[RenderableType]:
    verdict = report.verdict
    for timing in report.meta.timings:
        yield Text(f"{timing.stage:<24} {timing.seconds:7.2f} s")
    for reason in verdict.reasons:
        yield Text(f"Fails: {one_line(reason, 400)}", style="bold red")
    for reason, count in Counter(d.reason for d in verdict.failures).items():
        findings = number_of(count, "finding")
        yield Text(f"Fails: {findings}: {one_line(reason, 400)}", style="bold red")
    if style.files:
        yield Text(f"Wrote {_listed(style.files)}")
    up = next((f for f in style.files if PurePath(f).name == "migration.up.sql"), None)
    if up and report.recommendations:
        if not style.is_applied:
            yield Text(f"Next: read it, then run: dbtune apply --on TARGET {up}")
    elif not report.findings and not verdict.failed:
        yield Text("Passes: nothing new." if report.meta.kind == "check" else _nothing(report))
    elif report.meta.kind == "check" and not verdict.failed:
        yield Text("Passes.")
