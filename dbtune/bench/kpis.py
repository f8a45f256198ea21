"""The figures that targets can name, one side at a time."""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.bench.load import Load, LoadStep, best_pool
from dbtune.bench.measure import Measured
from dbtune.bench.result import Row
from dbtune.bench.work import Work


def kpis(
    rows: Sequence[Row], measured: Sequence[Measured], load: Load | None, *, after: bool
) -> dict[str, float]:
    """The figures of one side; those that were not measured are missing."""
    found: dict[str, float] = {}
    if rows:
        found |= _times(rows, after=after)
    works = [(m.task.calls, m.work_after if after else m.work_before) for m in measured]
    hit = sum(calls * work.shared_hit for calls, work in works)
    read = sum(calls * work.shared_read for calls, work in works)
    if hit + read:
        found["cache_hit"] = hit / (hit + read)
    by_index = sum(calls * _scans(work)[0] for calls, work in works)
    scans = sum(calls * sum(_scans(work)) for calls, work in works)
    if scans:
        found["index_usage"] = by_index / scans
    if load:
        found |= _under_load(load.after if after else load.before, load.plan.slo_p95_ms)
    return found


def _times(rows: Sequence[Row], *, after: bool) -> dict[str, float]:
    """Percentiles over all statements, each by its calls."""
    import numpy as np  # noqa: PLC0415 - only bench pays for it

    values: list[float] = []
    weights: list[float] = []
    for row in rows:
        rounds = row.timings.after if after else row.timings.before
        flat = [ms for one in rounds for ms in one]
        values += flat
        weights += [row.task.calls / len(flat)] * len(flat)
    percentiles = np.percentile(values, (50, 95, 99), weights=weights, method="inverted_cdf")
    median, p95, p99 = (float(v) for v in percentiles)
    total = sum(r.total_after_ms if after else r.total_before_ms for r in rows)
    return {"median": median, "p95": p95, "p99": p99, "total": total}


def _scans(work: Work) -> tuple[int, int]:
    """Relation accesses in the plans: through an index, and by reading the whole relation."""
    nodes = [node for plan in work.plans for node in plan.root.walk()]
    by_index = sum(n.node_type.startswith(("Index", "Bitmap Heap")) for n in nodes)
    whole = sum(n.node_type == "Seq Scan" for n in nodes)
    return by_index, whole


def _under_load(steps: Sequence[LoadStep], slo_p95_ms: float | None) -> dict[str, float]:
    """The best throughput and its latency; the pool only where some step kept the SLO."""
    pool = best_pool(steps, slo_p95_ms)
    found = {} if pool is None else {"pool": float(pool)}
    best = max(steps, key=lambda s: s.tps)
    return {"throughput": best.tps, "load_p95": best.p95_ms, **found}
