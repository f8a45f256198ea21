"""bench.html: one self-contained page, drawings as inline SVG, readable without its script."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from dbtune.bench import words
from dbtune.bench.load import Load, LoadStep
from dbtune.bench.result import Benchmark, Row
from dbtune.bench.stats import Verdict
from dbtune.bench.target import KPIS, TargetResult
from dbtune.bench.timings import Rounds
from dbtune.typeset.page import page

TEXT_BUDGET = 200_000
"""Characters of statements and plans in one page, so that 500 statements stay below 1 MB."""

MAX_DETAILED = 200
"""Rows with distribution and plans; the statements that take less time than those have figures."""

BINS = 24
_CLASSES = {
    Verdict.FASTER: "good",
    Verdict.SLOWER: "error",
    Verdict.SAME: "info",
    Verdict.TOO_NOISY: "warning",
}


def render(benchmark: Benchmark) -> str:
    """The page."""
    limit = max(160, min(4000, TEXT_BUDGET // max(1, 2 * len(benchmark.rows))))
    scale = _Scale.of(benchmark.rows)
    return page(
        "bench.html",
        benchmark=benchmark,
        headline=words.headline(benchmark),
        method=words.method_text(benchmark),
        reason_of=words.left_text,
        tiles=tuple(_tiles(benchmark)),
        rows=tuple(_drawn(row, scale, limit) for row in benchmark.rows),
        targets=tuple(_target(r) for r in benchmark.targets),
        after_ms=benchmark.total_before_ms * benchmark.total.ratio if benchmark.total else 0.0,
        load=_load(benchmark.load) if benchmark.load else None,
        limit=limit,
        max_detailed=MAX_DETAILED,
    )


@dataclass(frozen=True, slots=True)
class _Tile:
    figure: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Interval:
    """Positions of 0 to 100 on the ratio's axis: interval, point, and the line of no change."""

    low: float
    point: float
    high: float
    one: float


@dataclass(frozen=True, slots=True)
class _Scale:
    """A logarithmic axis that holds every interval and the ratio 1."""

    start: float
    end: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Scale:
        lows = [math.log(max(r.effect.low, 1e-4)) for r in rows]
        highs = [math.log(min(r.effect.high, 1e4)) for r in rows]
        start, end = min([*lows, -0.2]), max([*highs, 0.2])
        margin = (end - start) * 0.03
        return cls(start - margin, end + margin)

    def draw(self, low: float, point: float, high: float) -> _Interval:
        """An interval on this axis."""
        return _Interval(self.at(low), self.at(point), self.at(high), self.at(1.0))

    def at(self, ratio: float) -> float:
        """The position of a ratio."""
        share = (math.log(max(ratio, 1e-4)) - self.start) / (self.end - self.start)
        return round(min(max(share, 0.0), 1.0) * 100, 2)


@dataclass(frozen=True)
class _Drawn:
    row: Row
    after_ms: float
    change: str
    interval: str
    longer: str
    drawing: _Interval
    kind: str
    before_path: str
    after_path: str
    axis: tuple[float, float]
    plan: tuple[tuple[str, str], ...]


def _drawn(row: Row, scale: _Scale, limit: int) -> _Drawn:
    effect = row.effect
    low, high = _range(row.timings.before, row.timings.after)
    return _Drawn(
        row=row,
        after_ms=words.after_ms(row),
        change=words.change_text(effect),
        interval=words.interval_text(effect),
        longer=words.longer_text(row),
        drawing=scale.draw(effect.low, effect.ratio, effect.high),
        kind=_CLASSES[row.verdict],
        before_path=_histogram(row.timings.before, low, high),
        after_path=_histogram(row.timings.after, low, high),
        axis=(low, high),
        plan=tuple(_plan_diff(row, limit)),
    )


def _tiles(benchmark: Benchmark) -> Iterator[_Tile]:
    for verdict in Verdict:
        if count := benchmark.count(verdict):
            yield _Tile(f"{count:,}", verdict.value, _CLASSES[verdict])
    if benchmark.not_measured:
        yield _Tile(f"{len(benchmark.not_measured):,}", "not measured", "")


def _range(*sides: Rounds) -> tuple[float, float]:
    flat = [ms for rounds in sides for one in rounds for ms in one]
    return min(flat), max(*flat, min(flat) * 1.001)


def _histogram(rounds: Rounds, low: float, high: float) -> str:
    """The distribution on a logarithmic axis as an SVG path in a box of BINS × 20."""
    counts = [0] * BINS
    span = math.log(high / low)
    for one in rounds:
        for ms in one:
            counts[min(BINS - 1, int(math.log(ms / low) / span * BINS))] += 1
    most = max(counts)
    heights = [20 - round(20 * count / most) for count in counts]
    runs = "".join(f"V{height}h{len(list(same))}" for height, same in groupby(heights))
    return f"M0 20{runs}V20Z"


def _plan_diff(row: Row, limit: int) -> Iterator[tuple[str, str]]:
    """Lines of both plans: kind (same, removed, added) and text; nothing when they are equal."""
    if not row.plan_changed:
        return
    before, after = row.before.plan.splitlines(), row.after.plan.splitlines()
    kinds = {"- ": "removed", "+ ": "added", "  ": "same"}
    used = 0
    for line in difflib.ndiff(before, after):
        if line[:2] not in kinds:
            continue
        used += len(line)
        if used > limit:
            yield "same", "…"
            return
        yield kinds[line[:2]], line


@dataclass(frozen=True, slots=True)
class _Target:
    text: str
    meaning: str
    before: str
    after: str
    word: str
    kind: str


def _target(result: TargetResult) -> _Target:
    kpi = result.target.kpi
    return _Target(
        result.target.text,
        KPIS[kpi],
        words.figure_text(kpi, result.before),
        words.figure_text(kpi, result.after),
        words.target_word(result),
        {True: "good", False: "error", None: "info"}[result.is_met],
    )


@dataclass(frozen=True)
class _LoadDrawn:
    steps: tuple[tuple[LoadStep, LoadStep], ...]
    charts: tuple[tuple[str, str, str], ...]
    summary: str


def _load(load: Load) -> _LoadDrawn:
    sides = (load.before, load.after)
    charts = []
    if len(load.before) > 1:
        for name, values in (
            ("transactions per second", [[s.tps for s in side] for side in sides]),
            ("95th percentile, ms", [[s.p95_ms for s in side] for side in sides]),
        ):
            most = max(*values[0], *values[1], 1e-9)
            charts.append((name, _line(values[0], most), _line(values[1], most)))
    return _LoadDrawn(
        tuple(zip(load.before, load.after, strict=True)),
        tuple(charts),
        words.load_text(load),
    )


def _line(values: Sequence[float], most: float) -> str:
    """Points of a polyline in a box of 100 × 40."""
    step = 100 / (len(values) - 1)
    return " ".join(f"{n * step:.1f},{39 - 38 * v / most:.1f}" for n, v in enumerate(values))
