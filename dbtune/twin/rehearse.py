"""Run migrations on the snapshot's schema without rows, and watch what each statement does.

No SQL is guessed at: PostgreSQL itself says which locks a statement took (pg_locks), which
relations it read whole (the session's counter of sequential scans) and which it wrote anew (their
file changed). All text runs as a role without privileges on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

import psycopg

from dbtune.collect.collector import collect
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.progress import Progress, Silent
from dbtune.server.cluster import Cluster
from dbtune.snapshot.model import Snapshot
from dbtune.twin.load import load_schema
from dbtune.twin.rehearsal import (
    LOCK_MODES,
    LockMode,
    Rehearsal,
    ScriptStatement,
    Step,
    Touched,
)
from dbtune.twin.session import Session
from dbtune.twin.twin import ROLE, create_database, twin_cluster

_DATABASE = "rehearsal"
_STATEMENT_TIMEOUT_MS = 10_000
_ACTIVE_TRANSACTION = "25001"
_ALREADY_THERE = frozenset({"42P06", "42P07", "42701", "42710", "42723"})
_ATTEMPTS = 4
_SHARE_UPDATE_EXCLUSIVE: LockMode = "ShareUpdateExclusiveLock"
_ACCESS_EXCLUSIVE: LockMode = "AccessExclusiveLock"

_FILES = """
SELECT c.oid, pg_relation_filenode(c.oid) FROM pg_class c
WHERE c.relkind IN ('r', 'm', 'p') AND c.oid = ANY(%s)
"""
_INDEXES = """
SELECT c.oid, n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I') AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
"""
_LOCKS = """
SELECT relation, mode FROM pg_locks
WHERE locktype = 'relation' AND pid = pg_backend_pid() AND granted
"""
_SCANS = "SELECT relid, coalesce(seq_scan, 0) FROM pg_stat_xact_user_tables"
_OWNERLESS = re.compile(r"""^(?:role|user) "(?P<role>.+)" does not exist$""")
_EXTENSION = re.compile(
    r"""\s*CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>"[^"]+"|[\w-]+)""", re.IGNORECASE
)


def rehearse(
    snapshot: Snapshot,
    statements: Sequence[ScriptStatement],
    progress: Progress | None = None,
    *,
    shared: Cluster | None = None,
) -> Rehearsal:
    """What migrations do to a snapshot's schema; a statement that fails does not stop the rest.

    Args:
        snapshot: the schema that the migrations start from.
        statements: their statements in order, without BEGIN and COMMIT.
        progress: told of each statement.
        shared: a twins' server to use instead of one of its own.

    Raises:
        ServerFailed: the embedded server cannot be started.
    """
    told = progress or Silent()
    told.stage("rehearse migrations", len(statements))
    with nullcontext(shared) if shared else twin_cluster() as cluster:
        create_database(cluster, snapshot, _DATABASE)
        superuser_dsn = cluster.dsn(_DATABASE)
        owner_dsn = superuser_dsn.replace("user=postgres", f"user={ROLE}", 1)
        with (
            psycopg.connect(superuser_dsn, autocommit=True) as superuser,
            psycopg.connect(owner_dsn, autocommit=True) as owner,
        ):
            load_schema(superuser, owner, snapshot, Silent())
            before = collect(superuser_dsn)
            owner.execute(f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}".encode())
            stage = _Stage(superuser, owner, {r.oid: r.name for r in before.relations})
            steps: list[Step] = []
            for statement in statements:
                steps.append(_passed_over(statement, steps) or stage.run(statement))
                told.step()
            return Rehearsal(before, collect(superuser_dsn), tuple(steps))


def _passed_over(statement: ScriptStatement, steps: Sequence[Step]) -> Step | None:
    """A step not taken: the file's first statement made what the schema has already."""
    first = next((s for s in steps if s.statement.file == statement.file), None)
    if first is None or first.sqlstate not in _ALREADY_THERE:
        return None
    return Step(statement, failure="passed over: the schema has this file's changes already")


@dataclass(slots=True)
class _Stage:
    """Two sessions, and the relations that stood before the first statement."""

    superuser: Session
    owner: Session
    names: Mapping[int, QualifiedName]
    files: dict[int, int] = field(default_factory=dict)
    indexes: dict[int, QualifiedName] = field(default_factory=dict)

    def run(self, statement: ScriptStatement) -> Step:
        """Run one statement, mending what only the missing surroundings broke."""
        self.files = self.files or self._files()
        self.indexes = self.indexes or self._indexes()
        for _ in range(_ATTEMPTS):
            try:
                touched = self._watched(statement)
                then, self.indexes = self.indexes, self._indexes()
                return Step(
                    statement,
                    touched,
                    created=tuple(
                        self.indexes[oid] for oid in sorted(self.indexes.keys() - then.keys())
                    ),
                    dropped=tuple(then[oid] for oid in sorted(then.keys() - self.indexes.keys())),
                )
            except psycopg.Error as error:
                if not self._mended(statement, error):
                    return _failed(statement, error)
        raise AssertionError("a statement is mended at most three times")

    def _watched(self, statement: ScriptStatement) -> tuple[Touched, ...]:
        text = statement.text.encode()
        try:
            with self.owner.transaction():
                scans = self._pairs(_SCANS)
                self.owner.execute(text, prepare=False)
                locks = self._locks()
                scanned = {oid for oid, n in self._pairs(_SCANS).items() if n > scans.get(oid, 0)}
        except psycopg.Error as error:
            if error.sqlstate != _ACTIVE_TRANSACTION:
                raise
            self.owner.execute(text, prepare=False)
            locks, scanned = {}, set()
        return self._touched(locks, scanned, statement)

    def _touched(
        self, locks: dict[int, LockMode], scanned: set[int], statement: ScriptStatement
    ) -> tuple[Touched, ...]:
        files = self._files()
        rewritten = {oid for oid, file in files.items() if self.files.get(oid) != file}
        self.files = files
        concurrent = "concurrently" in statement.text.lower()
        unseen = _SHARE_UPDATE_EXCLUSIVE if concurrent else _ACCESS_EXCLUSIVE
        return tuple(
            Touched(self.names[oid], locks.get(oid, unseen), oid in scanned, oid in rewritten)
            for oid in sorted((locks.keys() | rewritten) & self.names.keys())
        )

    def _locks(self) -> dict[int, LockMode]:
        strongest: dict[int, LockMode] = {}
        for oid, mode in self.owner.execute(_LOCKS.encode()):
            known = strongest.get(oid, LOCK_MODES[0])
            strongest[oid] = max(known, mode, key=LOCK_MODES.index)
        return strongest

    def _files(self) -> dict[int, int]:
        rows = self.superuser.execute(_FILES.encode(), (list(self.names),)).fetchall()
        return {int(oid): int(file or 0) for oid, file in rows}

    def _indexes(self) -> dict[int, QualifiedName]:
        rows = self.superuser.execute(_INDEXES).fetchall()
        return {int(oid): QualifiedName(schema, name) for oid, schema, name in rows}

    def _pairs(self, sql: str) -> dict[int, int]:
        return {int(oid): int(n) for oid, n in self.owner.execute(sql.encode())}

    def _mended(self, statement: ScriptStatement, error: psycopg.Error) -> bool:
        """Make the role or extension that a statement wants; True if it is worth another try."""
        words = error.diag.message_primary or ""
        extension = _EXTENSION.match(statement.text)
        with suppress(psycopg.Error):
            if missing := _OWNERLESS.match(words):
                role = quote_identifier(missing["role"])
                self.superuser.execute(f"CREATE ROLE {role} NOLOGIN".encode())
                self.superuser.execute(f"GRANT {role} TO {ROLE}".encode())
                return True
            if extension and error.sqlstate == "42501":
                self.superuser.execute(f"CREATE EXTENSION {extension['name']} CASCADE".encode())
                return True
        return False


def _failed(statement: ScriptStatement, error: psycopg.Error) -> Step:
    position = int(error.diag.statement_position or 1)
    return Step(
        statement,
        failure=error.diag.message_primary or str(error).strip().split("\n")[0],
        sqlstate=error.sqlstate or "",
        line=statement.line + statement.text.count("\n", 0, position - 1),
    )
