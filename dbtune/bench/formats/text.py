"""For the terminal: the table, bars and sparklines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from dbtune.bench.result import Benchmark, Row
from dbtune.bench.stats import Verdict
from dbtune.bench.words import (
    after_ms,
    change_text,
    figure_text,
    headline,
    interval_text,
    method_text,
    target_word,
    verdict_counts,
)
from dbtune.typeset.figures import bytes_text, ms_text
from dbtune.typeset.foreign import one_line

if TYPE_CHECKING:
    from rich.table import Table

BAR = 10
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
    console.print(_table(benchmark, width))
    console.print(Text("\n".join(_below(benchmark))))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _table(benchmark: Benchmark, width: int) -> Table:
    """Figures keep their width; the statement gets what is left."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    names = ("before", "after", "", "change", "95 % interval", "verdict")
    cells = [_figures(row) for row in benchmark.rows]
    widths = [max([len(name), *(len(c[n]) for c in cells)]) for n, name in enumerate(names)]
    if sum(widths) + 2 * len(names) + 20 > width:  # narrow: the interval stands in the report
        cells = [(*c[:4], "", c[5]) for c in cells]
        names, widths[4] = (*names[:4], "", names[5]), 0
    left = max(width - sum(widths) - 2 * len(names), 12)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("statement", width=left, no_wrap=True, overflow="ellipsis")
    for name, fit in zip(names, widths, strict=True):
        right = name in ("before", "after", "change")
        table.add_column(name, justify="right" if right else "left", min_width=fit, no_wrap=True)
    for row, figures in zip(benchmark.rows, cells, strict=True):
        verdict = Text(row.verdict.value, style=_COLORS.get(row.verdict, ""))
        table.add_row(Text(one_line(row.task.label, left)), *figures[:5], verdict)
    return table


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
        f"not measured: {one_line(n.text, 60)}: {one_line(n.reason, 120)}"
        for n in benchmark.not_measured[:10]
    ]
    if len(benchmark.not_measured) > 10:
        lines.append(f"not measured: {len(benchmark.not_measured) - 10} more, see the report")
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
    return lines
