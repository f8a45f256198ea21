"""bench.csv: one line a statement, for spreadsheets."""

from __future__ import annotations

import csv
import io

from dbtune.bench.result import Benchmark
from dbtune.typeset.foreign import one_line

_HEAD = (
    "statement", "fingerprint", "calls", "before_ms", "after_ms", "p95_before_ms", "p95_after_ms",
    "p99_before_ms", "p99_after_ms", "ratio", "ratio_low", "ratio_high", "p_value", "noise_floor",
    "rounds", "buffers_before", "buffers_after", "wal_bytes_before", "wal_bytes_after", "verdict",
)  # fmt: skip


def render(benchmark: Benchmark) -> str:
    """The table; a statement that a spreadsheet would take for a formula gets a blank before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    for row in benchmark.rows:
        before, after, effect = row.before, row.after, row.effect
        writer.writerow([
            _cell(row.task.label), row.task.fingerprint, f"{row.task.calls:.0f}",
            f"{effect.before_ms:.4f}", f"{effect.before_ms * effect.ratio:.4f}",
            f"{before.times.p95_ms:.4f}", f"{after.times.p95_ms:.4f}",
            f"{before.times.p99_ms:.4f}", f"{after.times.p99_ms:.4f}",
            f"{effect.ratio:.5f}", f"{effect.low:.5f}", f"{effect.high:.5f}",
            f"{effect.p_value:.5f}", f"{effect.noise_floor:.5f}", effect.rounds,
            before.work.shared_hit + before.work.shared_read,
            after.work.shared_hit + after.work.shared_read,
            before.work.wal_bytes, after.work.wal_bytes, row.verdict.value,
        ])  # fmt: skip
    for left in benchmark.not_measured:
        blank = [""] * (len(_HEAD) - 4)
        writer.writerow(
            [_cell(left.text), left.fingerprint, f"{left.calls:.0f}", *blank, "not measured"]
        )
    return out.getvalue()


def _cell(text: str) -> str:
    line = one_line(text, 500)
    return f" {line}" if line[:1] in "=+-@" else line
