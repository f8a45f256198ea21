"""For the terminal: the table, bars and sparklines."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from dbtune.bench.result import Benchmark, Row
from dbtune.bench.stats import Verdict
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

if TYPE_CHECKING:
    from rich.text import Text

BAR = 10
RIGHT = (0, 1, 3)
"""Columns of figures."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_COLORS = {Verdict.FASTER: "green", Verdict.SLOWER: "red", Verdict.TOO_NOISY: "yellow"}


def render(benchmark: Benchmark, *, width: int = 120, color: bool = False) -> str:
    """The benchmark for a terminal of `width` characters."""
    from rich.console import Console  # noqa: PLC0415 - only for terminals
    from rich.text import Text  # noqa: PLC0415

    out = io.StringIO()
    system: Literal["standard"] | None = "standard" if color else None
    console = Console(file=out, width=width, force_terminal=color, color_system=system)
    console.print(Text(headline(benchmark), style="bold"))
    if benchmark.stopped:
        console.print(Text(f"Partial: the run ended early ({benchmark.stopped}).", style="yellow"))
    console.print(Text(f"{verdict_counts(benchmark)}.\n"))
    for line in _table(benchmark, width) if benchmark.rows else ():
        console.print(line, overflow="crop", no_wrap=True)
    console.print(Text("\n".join(_below(benchmark))))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _table(benchmark: Benchmark, width: int) -> Iterator[Text]:
    """Two lines a statement: what it is, and under it the figures in columns of their own width."""
    from rich.text import Text  # noqa: PLC0415

    names = ("before", "after", "", "change", "95 % interval", "verdict")
    cells = [_figures(row) for row in benchmark.rows]
    widths = [max([len(name), *(len(c[n]) for c in cells)]) for n, name in enumerate(names)]
    if sum(widths) + 2 * len(names) > width:  # narrow: the interval stands in the report
        cells = [(*c[:4], "", c[5]) for c in cells]
        names, widths[4] = (*names[:4], "", names[5]), 0
    yield Text(_columns(names, widths), style="dim")
    for row, figures in zip(benchmark.rows, cells, strict=True):
        yield Text(one_line(row.task.label, width), style="bold")
        line = Text(_columns(figures[:5], widths[:5]))
        yield line.append(f"  {figures[5]}", style=_COLORS.get(row.verdict, ""))


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Figures right-aligned, words left-aligned, an empty column left out."""
    placed = [
        cell.rjust(wide) if n in RIGHT else cell.ljust(wide)
        for n, (cell, wide) in enumerate(zip(cells, widths, strict=True))
        if wide
    ]
    return "  " + "  ".join(placed)


def _figures(row: Row) -> tuple[str, str, str, str, str, str]:
    effect = row.effect
    return (
        ms_text(effect.before_ms),
        ms_text(after_ms(row)),
        bar(effect.ratio),
        change_text(effect),
        interval_text(effect),
        row.verdict.value,
    )


def bar(ratio: float) -> str:
    """Time after as a bar, where the full width is time before; longer than that ends in ▶."""
    eighths = round(min(ratio, 1.0) * BAR * 8)
    full, rest = divmod(max(eighths, 1), 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR, "·") + (
        "▶" if ratio > 1.05 else ""
    )


def sparkline(values: Sequence[float]) -> str:
    """Values from lowest to highest block."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = (high - low) or 1.0
    return "".join(_SPARKS[round((v - low) / span * (len(_SPARKS) - 1))] for v in values)


def _below(benchmark: Benchmark) -> list[str]:
    lines = [""]
    for result in benchmark.targets:
        kpi = result.target.kpi
        lines.append(
            f"target {result.target.text}: {figure_text(kpi, result.before)} → "
            f"{figure_text(kpi, result.after)}, {target_word(result)}"
        )
    for index in benchmark.indexes:
        built = f", built in {ms_text(index.build_ms)}" if index.build_ms else ""
        word = "creates" if index.created else "drops"
        lines.append(f"{word} {one_line(index.name, 63)}: {bytes_text(index.size_bytes)}{built}")
    if benchmark.load:
        lines += _load(benchmark)
    lines += [
        f"not measured: {one_line(n.text, 60)}: {one_line(left_text(n), 120)}"
        for n in benchmark.not_measured[:10]
    ]
    if len(benchmark.not_measured) > 10:
        lines.append(f"not measured: {len(benchmark.not_measured) - 10} more, see the report")
    if benchmark.count(Verdict.TOO_NOISY):
        lines.append("too noisy to call: more rounds may tell, with a longer --time-limit")
    return [*lines, "", method_text(benchmark)]


def _load(benchmark: Benchmark) -> list[str]:
    load = benchmark.load
    assert load is not None
    lines = [
        f"{b.clients:>4} clients  {b.tps:>9,.0f} → {a.tps:>9,.0f} tps  "
        f"p95 {ms_text(b.p95_ms)} → {ms_text(a.p95_ms)}"
        for b, a in zip(load.before, load.after, strict=True)
    ]
    if len(load.before) > 1:
        before, after = (sparkline([s.tps for s in side]) for side in (load.before, load.after))
        lines.append(f"throughput by clients  before {before}  after {after}")
    return [*lines, load_text(load)]
