"""Markdown for pull requests."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.bench.load import Load
from dbtune.bench.result import Benchmark
from dbtune.bench.words import (
    after_ms,
    change_text,
    figure_text,
    headline,
    interval_text,
    left_text,
    load_text,
    method_text,
    target_word,
    verdict_counts,
)
from dbtune.typeset.figures import bytes_text, ms_text
from dbtune.typeset.foreign import one_line

MAX_ROWS = 50


def render(benchmark: Benchmark) -> str:
    """The benchmark as Markdown."""
    return "\n".join(_lines(benchmark)) + "\n"


def _lines(benchmark: Benchmark) -> Iterator[str]:
    yield "## dbtune bench"
    yield ""
    yield f"**{headline(benchmark)}**"
    yield ""
    if benchmark.stopped:
        yield f"> Partial: the run ended early ({_text(benchmark.stopped)})."
        yield ""
    yield f"{verdict_counts(benchmark)}."
    yield ""
    if benchmark.targets:
        yield "| target | before | after | |"
        yield "|---|---:|---:|---|"
        for result in benchmark.targets:
            kpi = result.target.kpi
            before, after = figure_text(kpi, result.before), figure_text(kpi, result.after)
            yield f"| {_text(result.target.text)} | {before} | {after} | {target_word(result)} |"
        yield ""
    yield "| statement | before | after | change | 95 % interval | buffers | verdict |"
    yield "|---|---:|---:|---:|---|---:|---|"
    for row in benchmark.rows[:MAX_ROWS]:
        buffers = [s.work.shared_hit + s.work.shared_read for s in (row.before, row.after)]
        yield (
            f"| {_code(row.task.label)} | {ms_text(row.effect.before_ms)} | "
            f"{ms_text(after_ms(row))} | {change_text(row.effect)} | "
            f"{interval_text(row.effect)} | {buffers[0]:,} → {buffers[1]:,} | {row.verdict.value} |"
        )
    if len(benchmark.rows) > MAX_ROWS:
        yield ""
        yield f"… and {len(benchmark.rows) - MAX_ROWS} more statements in bench.json."
    yield ""
    yield from _indexes(benchmark)
    yield from _load(benchmark.load)
    yield from _not_measured(benchmark)
    yield f"<sub>{_text(method_text(benchmark))}</sub>"


def _indexes(benchmark: Benchmark) -> Iterator[str]:
    for index in benchmark.indexes:
        built = f", built in {ms_text(index.build_ms)}" if index.build_ms else ""
        word = "creates" if index.created else "drops"
        yield f"- {word} {_code(index.definition)} ({bytes_text(index.size_bytes)}{built})"
    if benchmark.indexes:
        yield ""


def _load(load: Load | None) -> Iterator[str]:
    if load is None:
        return
    yield "| clients | tps before | tps after | p95 before | p95 after | p99 before | p99 after |"
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    for before, after in zip(load.before, load.after, strict=True):
        yield (
            f"| {before.clients} | {before.tps:,.0f} | {after.tps:,.0f} | "
            f"{ms_text(before.p95_ms)} | {ms_text(after.p95_ms)} | "
            f"{ms_text(before.p99_ms)} | {ms_text(after.p99_ms)} |"
        )
    yield ""
    yield load_text(load)
    yield ""


def _not_measured(benchmark: Benchmark) -> Iterator[str]:
    if not benchmark.not_measured:
        return
    yield "<details><summary>Not measured</summary>"
    yield ""
    for left in benchmark.not_measured[:MAX_ROWS]:
        yield f"- {_code(left.text)}: {_text(left_text(left))}"
    yield ""
    yield "</details>"
    yield ""


def _code(text: str) -> str:
    """A statement as inline code that no character of it can end."""
    line = one_line(text, 90).replace("|", "\\|")
    fence = "``" if "`" in line else "`"
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _text(text: str) -> str:
    line = one_line(text, 300)
    for mark in "\\`*_[]<>|#":
        line = line.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return line
