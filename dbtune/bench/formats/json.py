"""bench.json: schema 1; every parameter and timing, so that a run can be repeated and checked."""

from __future__ import annotations

import json
from typing import Any

from dbtune.bench.result import Benchmark, Row


def render(benchmark: Benchmark) -> str:
    """Everything measured, times rounded to microseconds."""
    import msgspec  # noqa: PLC0415 - only when written

    document: dict[str, Any] = msgspec.to_builtins(benchmark)
    document["rows"] = [_row(row) for row in benchmark.rows]
    document["total_before_ms"] = benchmark.total_before_ms
    document["total_after_ms"] = benchmark.total_after_ms
    return json.dumps(_rounded(document), sort_keys=True, indent=1, allow_nan=False) + "\n"


def _row(row: Row) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    found: dict[str, Any] = msgspec.to_builtins(row)
    timings = found.pop("timings")
    return {
        **found,
        # One string a round keeps the file readable and small.
        "timings_ms": {
            side: [" ".join(f"{ms:.3f}" for ms in one) for one in timings[side]]
            for side in ("before", "after", "again")
        },
        "weights": timings["weights"],
        "total_before_ms": row.total_before_ms,
        "total_after_ms": row.total_after_ms,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
