"""Logs without a server: the snapshot that stands where none was taken."""

from __future__ import annotations

from dbtune import __version__
from dbtune.snapshot.model import NotCollected, Server, Snapshot, StatementStatistics
from dbtune.traffic import Traffic


def snapshot_of_logs(traffic: Traffic) -> Snapshot:
    """A snapshot that knows no catalog: what logs alone tell is in the traffic beside it."""
    return Snapshot(
        dbtune_version=__version__,
        captured_at=f"{traffic.last_at or '1970-01-01 00:00:00'}+00:00".replace(" ", "T"),
        server=Server(0, "(logs alone)", "UTF8", "C", "C", "c", False, None, None),
        settings={},
        extensions=(),
        relations=(),
        indexes=(),
        constraints=(),
        not_collected=(
            NotCollected(
                "catalog and statistics",
                "logs were read alone: loops are found by names instead of foreign keys, and"
                " nothing is said of indexes",
                "Name a TARGET (a server or a snapshot file) beside --logs.",
            ),
        ),
    )


def statements_of_logs(traffic: Traffic) -> tuple[StatementStatistics, ...]:
    """The logs' statements as a workload, for a server without pg_stat_statements."""
    return tuple(
        StatementStatistics(
            text=shape.text,
            calls=shape.calls,
            total_exec_ms=shape.total_exec_ms,
            max_exec_ms=shape.max_exec_ms,
            mean_exec_ms=shape.total_exec_ms / shape.calls,
            source="log",
        )
        for shape in traffic.shapes
        if shape.calls
    )
