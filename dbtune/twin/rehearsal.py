"""What a rehearsal of migrations showed: locks, rewrites, scans and failures, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbtune.identifier import QualifiedName
from dbtune.snapshot.model import Snapshot

LockMode = Literal[
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]
LOCK_MODES: tuple[LockMode, ...] = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
"""From the weakest to the strongest."""


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One statement of a migration file; lines count from 1.

    `in_transaction` says that the file's tool, or a BEGIN before it, holds a transaction open.
    """

    text: str
    file: str
    line: int
    in_transaction: bool = True


@dataclass(frozen=True, slots=True)
class Touched:
    """What a statement did to a relation that stood before the migrations.

    `relation` is its name in the snapshot, `lock` the strongest lock taken; `scanned` says that
    the whole relation was read, `rewritten` that it was written anew.
    """

    relation: QualifiedName
    lock: LockMode
    scanned: bool = False
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A statement as it ran on the schema without rows.

    `created` and `dropped` name the indexes that it made and removed (those of a dropped relation
    too). `failure` holds the server's words if it did not run, `sqlstate` the code, `line` where.
    """

    statement: ScriptStatement
    touched: tuple[Touched, ...] = ()
    created: tuple[QualifiedName, ...] = ()
    dropped: tuple[QualifiedName, ...] = ()
    failure: str = ""
    sqlstate: str = ""
    line: int = 0


@dataclass(frozen=True)
class Rehearsal:
    """The schema before and after, as collected from our server, and the steps between.

    OIDs of `before` and `after` are those of one server: what kept its OID was only changed.
    """

    before: Snapshot
    after: Snapshot
    steps: tuple[Step, ...]
