"""How long the cumulative statistics of a snapshot cover."""

from __future__ import annotations

from datetime import datetime

from dbtune.snapshot.model import Snapshot

_DAY_S = 86_400.0


def observed_days(snapshot: Snapshot) -> float:
    """Days that the counters cover at least; 0 when it cannot be told.

    A server that never reset them (`stats_reset` is null) has kept them at least since it started:
    a crash discards them, a clean restart does not.
    """
    since = snapshot.server.stats_reset_at or snapshot.server.started_at
    return days_between(since, snapshot.captured_at) if since else 0.0


def days_between(earlier: str, later: str) -> float:
    """Days from one ISO 8601 time to another."""
    seconds = (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    return max(0.0, seconds / _DAY_S)
