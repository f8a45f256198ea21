"""Recommendations → a migration."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from dbtune.advice import Change, CreateIndex, DropIndex, RebuildIndex, Recommendation
from dbtune.identifier import QualifiedName
from dbtune.index import spec_of
from dbtune.migration.comment import comment_text
from dbtune.migration.model import Migration, Step
from dbtune.migration.naming import Names
from dbtune.migration.steps import Both, steps_of
from dbtune.snapshot.model import Snapshot


def write_migration(recommendations: Sequence[Recommendation], snapshot: Snapshot) -> Migration:
    """The SQL that applies recommendations, and the SQL that takes them back.

    Indexes are created first and dropped last, so that nothing is without cover in between; the
    down steps run in the reverse order. Recommendations that say the same are written once.

    Raises:
        ValueError: an index to be dropped that PostgreSQL would not drop.
    """
    names = Names(snapshot)
    pairs = [steps_of(r, snapshot, names) for r in _in_order(recommendations, snapshot)]
    up = tuple(step for ups, _ in pairs for step in ups)
    down = tuple(step for _, downs in reversed(pairs) for step in downs)
    digest = hashlib.sha256("\0".join(step.sql for step in up).encode()).hexdigest()[:8]
    return Migration(
        name=f"dbtune_{digest}",
        up=_script(up, snapshot, _count(pairs), "migration.up.sql", "Applies"),
        down=_script(down, snapshot, _count(pairs), "migration.down.sql", "Takes back"),
        up_steps=up,
        down_steps=down,
        version="".join(c for c in snapshot.captured_at if c.isdigit())[:14].ljust(14, "0"),
    )


def _in_order(
    recommendations: Sequence[Recommendation], snapshot: Snapshot
) -> list[Recommendation]:
    """Creations, rebuilds, drops; each change once, and no rebuild of what is made or dropped."""
    once = {r.change: r for r in reversed(recommendations)}
    changes = sorted(
        dict.fromkeys(r.change for r in recommendations),
        key=lambda change: _RANK.get(type(change), len(_RANK)),
    )
    cleared = _leftovers(changes, snapshot)
    dropped = {change.name for change in changes if isinstance(change, DropIndex)}
    return [
        once[change]
        for change in changes
        if not (isinstance(change, RebuildIndex) and change.name in cleared | dropped)
        and not (isinstance(change, DropIndex) and change.name in cleared)
    ]


_RANK: dict[type, int] = {CreateIndex: 0, RebuildIndex: 1, DropIndex: 2}


def _leftovers(changes: Sequence[Change], snapshot: Snapshot) -> set[QualifiedName]:
    """Invalid indexes that a creation under the same name clears away."""
    made = {change.spec for change in changes if isinstance(change, CreateIndex)}
    return {
        index.name
        for index in snapshot.indexes
        if not index.is_valid
        and (spec := spec_of(index)) in made
        and index.name.name == spec.default_name()
    }


def _count(pairs: Sequence[Both]) -> str:
    count = sum(1 for up, down in pairs if up or down)
    return f"{count} change" if count == 1 else f"{count} changes"


def _script(
    steps: Sequence[Step], snapshot: Snapshot, count: str, file_name: str, verb: str
) -> str:
    """A file for psql; also good statement by statement, each in its own transaction."""
    database = comment_text(snapshot.server.database, 63)
    lines = [
        f"-- {verb} {count} to database {database}, as seen at {snapshot.captured_at}.",
        f"-- Run:  psql -X -v ON_ERROR_STOP=1 -f {file_name} DSN",
        f"--  or:  dbtune apply --on DSN {file_name}",
        "-- Not inside one transaction (no -1): PostgreSQL refuses CONCURRENTLY there.",
        "-- Stopped half-way it can be run again: what is done is passed over.",
    ]
    if not steps:
        return "\n".join([*lines, "", "-- Nothing to do.", ""])
    lines += ["", "SET statement_timeout = 0;"]
    lock_timeout = ""
    for step in steps:
        if step.comment:
            lines += ["", *(f"-- {line}" for line in step.comment)]
        if step.lock_timeout != lock_timeout:
            lock_timeout = step.lock_timeout
            lines.append(f"SET lock_timeout = '{lock_timeout}';")
        lines.append(f"{step.sql};")
    return "\n".join([*lines, ""])
