"""How far the snapshot may be from what it stands for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from dbtune.snapshot.model import Snapshot
from dbtune.typeset.figures import number_of
from dbtune.workload import NotExamined

MAX_AGE_DAYS = 30
_NAMED = 5


def stale(snapshot: Snapshot, today: date) -> Iterator[NotExamined]:
    """A word of warning about a snapshot older than MAX_AGE_DAYS."""
    age = (today - datetime.fromisoformat(snapshot.captured_at).date()).days
    if age > MAX_AGE_DAYS:
        yield NotExamined(
            "production since the snapshot",
            f"the snapshot is {number_of(age, 'day')} old",
            remedy="Take a new one: dbtune snapshot TARGET -o FILE",
        )


def drift(head: Snapshot, test: Snapshot) -> Iterator[NotExamined]:
    """Where the snapshot with the migrations applied and the test database differ."""
    ours, theirs = _names(head), _names(test)
    for missing, where in (
        (sorted(theirs - ours), "the snapshot after the migrations lacks"),
        (sorted(ours - theirs), "the test database lacks"),
    ):
        if missing:
            more = len(missing) - _NAMED
            names = ", ".join(missing[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            yield NotExamined(
                "what differs between snapshot and test database",
                f"{where} {names}",
                remedy="Take a new snapshot, or give all migrations since it was taken.",
            )


def _names(snapshot: Snapshot) -> set[str]:
    """Columns and indexes by name; those of partitions follow from their parents'."""
    schemas = {r.name.schema for r in snapshot.relations}
    return {
        f"{r.name}.{c.name}" for r in snapshot.relations if not r.is_partition for c in r.columns
    } | {f"index {i.name}" for i in snapshot.indexes if not i.parent and i.name.schema in schemas}
