"""A benchmark's figures as words, the same in every format."""

from __future__ import annotations

from dbtune.bench.load import Load, best_pool, saturation
from dbtune.bench.result import Benchmark, Row
from dbtune.bench.stats import Effect, Verdict
from dbtune.bench.target import TargetResult
from dbtune.bench.task import NotMeasured
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
        share = sum(left.share for left in benchmark.not_measured)
        of_time = f" ({percent_text(share)} of the time)" if share else ""
        counts.append(f"{len(benchmark.not_measured)} not measured{of_time}")
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
    few, many = min(rounds, default=0), max(rounds, default=0)
    spread = f"{few} to {many} rounds" if few < many else number_of(many, "round")
    less = ", less its processes' waits for a processor" * environment.waits_taken_off
    return (
        f"PostgreSQL {environment.server_version}, {environment.machine}, "
        f"{number_of(environment.processors, 'processor')}; {how}; {spread} a statement; seed "
        f"{benchmark.seed}; times are what a client waits for{less}; writes are rolled back."
    )


def left_text(left: NotMeasured) -> str:
    """Why it was not measured, and how much that leaves out."""
    share = f" ({percent_text(left.share)} of the time)" if left.share else ""
    return f"{left.reason}{share}"


def longer_text(row: Row) -> str:
    """What a slower call costs: "0.04 ms more a call", "" for other verdicts."""
    more_ms = after_ms(row) - row.effect.before_ms
    return f"{ms_text(more_ms)} more a call" if row.verdict is Verdict.SLOWER else ""


def load_text(load: Load) -> str:
    """The number of connections that suited each side, and where the SLO was left."""
    slo = load.plan.slo_p95_ms
    before, after = (
        "none" if (pool := best_pool(side, slo)) is None else str(pool)
        for side in (load.before, load.after)
    )
    suited = f"Connections that suited best: {before} before, {after} after."
    if load.plan.rate_tps:
        suited += f" At {load.plan.rate_tps:,.0f}/s latency counts from when a request was due."
    if slo is None:
        return suited
    left = [saturation(side, slo) for side in (load.before, load.after)]
    first, second = ("not" if at is None else f"at {number_of(at, 'client')}" for at in left)
    return f"{suited} p95 left {ms_text(slo)} {first} before, {second} after."


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
