"""A benchmark's figures as words, the same in every format."""

from __future__ import annotations

from dbtune.bench.result import Benchmark, Row
from dbtune.bench.stats import Effect, Verdict
from dbtune.bench.target import TargetResult
from dbtune.typeset.figures import ms_text, number_of, percent_text


def change_text(effect: Effect) -> str:
    """How much faster or slower: "12.3× faster", "8.1 % slower", "no change"."""
    return _ratio_text(effect.ratio)


def interval_text(effect: Effect) -> str:
    """The interval of the change, from its less to its more favourable end."""
    less, more = _ratio_text(effect.high), _ratio_text(effect.low)
    figure, _, word = less.rpartition(" ")
    is_one_way = more.endswith(f" {word}") and ("%" in less) == ("%" in more)
    return f"{figure} to {more}" if is_one_way else f"{less} to {more}"


def _ratio_text(ratio: float) -> str:
    if ratio <= 0.5:
        factor = 1 / max(ratio, 1e-9)
        return f"{factor:,.1f}× faster" if factor < 100 else f"{factor:,.0f}× faster"
    if ratio >= 2:
        return f"{ratio:,.1f}× slower" if ratio < 100 else f"{ratio:,.0f}× slower"
    if abs(ratio - 1) < 0.0005:
        return "no change"
    return f"{abs(1 - ratio) * 100:.1f} % {'faster' if ratio < 1 else 'slower'}"


def headline(benchmark: Benchmark) -> str:
    """The outcome in one sentence."""
    total = benchmark.total
    if total is None:
        return "Nothing could be measured."
    before_ms = benchmark.total_before_ms
    before, after = ms_text(before_ms), ms_text(before_ms * total.ratio)
    words = change_text(total)
    # An interval that holds "no change" supports no claim.
    if total.low <= 1 <= total.high:
        words = "no change that the measurement could tell from noise"
    return f"Workload time {before} → {after}: {words} (95 % interval {interval_text(total)})."


def verdict_counts(benchmark: Benchmark) -> str:
    """How many statements got which verdict."""
    counts = [f"{benchmark.count(v)} {v.value}" for v in Verdict if benchmark.count(v)]
    if benchmark.not_measured:
        counts.append(f"{len(benchmark.not_measured)} not measured")
    return ", ".join(counts)


def method_text(benchmark: Benchmark) -> str:
    """How it was measured, for people who want to know whether to believe it."""
    environment = benchmark.environment
    how = {
        "interleaved": "before and after alternate within every round, in random order, on one "
        "server whose indexes are hidden and shown",
        "blocks": "before and after were measured one after the other; what else changed between "
        "the two shows as noise only if it came and went",
    }[environment.method]
    rounds = [row.effect.rounds for row in benchmark.rows]
    spread = f"{min(rounds)} to {max(rounds)} rounds" if rounds else "no rounds"
    less = ", less its processes' waits for a processor" * environment.waits_taken_off
    return (
        f"PostgreSQL {environment.server_version}, {environment.machine}, "
        f"{number_of(environment.processors, 'processor')}; {how}; {spread} a statement; seed "
        f"{benchmark.seed}; times are what a client waits for{less}; writes are rolled back."
    )


def after_ms(row: Row) -> float:
    """The time after, on the scale of `effect.before_ms`."""
    return row.effect.before_ms * row.effect.ratio


def figure_text(kpi: str, value: float | None) -> str:
    """A target's figure with its unit."""
    if value is None:
        return "not measured"
    match kpi:
        case "index_usage" | "cache_hit":
            return percent_text(value)
        case "throughput":
            return f"{value:,.0f}/s"
        case "pool":
            return f"{value:.0f}"
        case _:
            return ms_text(value)


def target_word(result: TargetResult) -> str:
    """Met, missed or not measured."""
    return {True: "met", False: "missed", None: "not measured"}[result.is_met]
