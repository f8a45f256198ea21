"""The database on which the advice is proven, its statements, and the indexes built for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import Connection

from dbtune.advice import CreateIndex, Declined, DropIndex, Recommendation
from dbtune.bench.blocks import undo
from dbtune.bench.change import Change, run_statement
from dbtune.bench.journal import Journal, extend_journal, open_journal
from dbtune.bench.place import refuse_production
from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.index import IndexSpec
from dbtune.progress import Progress
from dbtune.snapshot.model import Server
from dbtune.verify.states import RolledBackDrops, leave

_SAME_SERVER = """
SELECT current_database() = %(database)s
   AND date_trunc('second', pg_postmaster_start_time()) = %(started)s::timestamptz
   AND CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
       THEN coalesce((SELECT system_identifier::text FROM pg_control_system()) = %(identifier)s,
                     true)
       ELSE true END
"""
_NEVER_ANALYSED = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND pg_relation_size(c.oid) > 0
  AND NOT EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.oid)
ORDER BY pg_relation_size(c.oid) DESC
"""
_BUILT = """
SELECT array_agg(c.relname::text), sum(pg_relation_size(c.oid))::int8
FROM (SELECT %(name)s::regclass AS relid UNION SELECT relid FROM pg_partition_tree(%(name)s)) p
JOIN pg_class c ON c.oid = p.relid
"""


@dataclass(frozen=True, slots=True)
class Built:
    """An index built on the clone: its name there, the names that plans show, its bytes."""

    spec: IndexSpec
    name: str
    shown_as: frozenset[str]
    size_bytes: int


@dataclass
class Clone:
    """A database on which indexes may be built for a while.

    Attributes:
        connect: opens a session in autocommit; called again if one is lost.
        label: what reports call it.
        journal_file: where to write what must be undone if this process is killed.
        built: the indexes that are there now.
        endless: fingerprints of statements that the time cap stops when none of them is.
    """

    connect: Callable[[], Connection[Any]]
    label: str
    journal_file: Path
    built: dict[IndexSpec, Built] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    _journal: Journal | None = None

    @contextmanager
    def session(self) -> Iterator[Connection[Any]]:
        """A session; when the block ends, however it does, the clone is as it was found.

        Raises:
            ServerFailed: it could not be restored; the message holds the command that does it.
        """
        try:
            with self.connect() as connection:
                yield connection
                leave(connection)
        finally:
            if self._journal is not None:
                undo(self.connect, self._journal, self.journal_file)
                self._journal = None
            self.built.clear()

    def build(
        self, connection: Connection[Any], wanted: Sequence[IndexSpec], progress: Progress
    ) -> tuple[Built, ...]:
        """Have exactly these new indexes.

        Raises:
            BadInput: the clone refuses one: its schema is another.
        """
        leave(connection)
        connection.execute("SET statement_timeout = 0")
        for spec in [s for s in self.built if s not in wanted]:
            run_statement(connection, f"DROP INDEX {self.built.pop(spec).name}")
        missing = [spec for spec in wanted if spec not in self.built]
        texts = [spec.ddl(_name(spec)) for spec in missing]
        self._note(connection, texts)
        progress.stage("building the indexes on the clone", len(missing))
        for spec, text in zip(missing, texts, strict=True):
            run_statement(connection, text)
            if any(key.expression for key in spec.keys):
                # Autovacuum would do that some day; until then plans do not know its values.
                run_statement(connection, f"ANALYZE {spec.relation.sql}")
            self.built[spec] = _built(connection, spec)
            progress.step()
        return tuple(self.built[spec] for spec in wanted)

    def _note(self, connection: Connection[Any], texts: Sequence[str]) -> None:
        if self._journal is None:
            self._journal = open_journal(connection, Change(tuple(texts)), self.journal_file)
        else:
            self._journal = extend_journal(self._journal, texts, self.journal_file)


def switch_of(
    connection: Connection[Any], built: Sequence[Built], recommendations: Sequence[Recommendation]
) -> RolledBackDrops:
    """The switch between the clone as found and as recommended."""
    gone = [r.change.name.sql for r in recommendations if isinstance(r.change, DropIndex)]
    there = connection.execute(
        "SELECT name FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NOT NULL", (gone,)
    ).fetchall()
    return RolledBackDrops(tuple(b.name for b in built), tuple(name for (name,) in there))


def buildable(
    connection: Connection[Any], recommendations: Sequence[Recommendation]
) -> tuple[list[IndexSpec], list[Declined]]:
    """The new indexes that the clone can have, and those that want an extension there first."""
    rows = connection.execute("SELECT extname::text FROM pg_extension").fetchall()
    there = {name for (name,) in rows}
    specs, left = [], []
    for recommendation in recommendations:
        change = recommendation.change
        if not isinstance(change, CreateIndex):
            continue
        lacking = [name for name in change.extensions if name not in there]
        if lacking:
            reason = f"the clone lacks it: CREATE EXTENSION {quote_identifier(lacking[0])} there"
            left.append(Declined(str(change.spec), reason))
        else:
            specs.append(change.spec)
    return specs, left


def creations(recommendations: Sequence[Recommendation]) -> Mapping[IndexSpec, Recommendation]:
    """The recommendations that build an index, by what they build."""
    return {r.change.spec: r for r in recommendations if isinstance(r.change, CreateIndex)}


def require_clone(connection: Connection[Any], target: Server, known_as: str | None) -> None:
    """Stop before anything is built where nothing may be.

    Raises:
        BadInput: it is the analysed database itself, it looks like one that is in use and the user
            did not confirm it by its name, or it has no statistics to plan with.
    """
    row = connection.execute(
        _SAME_SERVER,
        {
            "database": target.database,
            "started": target.started_at,
            "identifier": target.system_identifier,
        },
    ).fetchone()
    if row and row[0]:
        raise BadInput(
            f"--verify-on names {target.database}, the database that is being analysed; nothing is "
            "ever built there.",
            "Name a clone of it, or write --verify-on synthesize.",
        )
    refuse_production(connection, target, known_as)
    unknown = connection.execute(_NEVER_ANALYSED).fetchall()
    if unknown:
        raise BadInput(
            f"The clone has no statistics of {unknown[0][0]}, so its plans mean nothing.",
            "Run VACUUM ANALYZE in it first.",
        )


def _name(spec: IndexSpec) -> str:
    """A name of our own, which the clone's indexes do not have."""
    return f"dbtune_verify_{spec.default_name().rsplit('_', 2)[-2]}"


def _built(connection: Connection[Any], spec: IndexSpec) -> Built:
    name = f"{quote_identifier(spec.relation.schema)}.{_name(spec)}"
    row = connection.execute(_BUILT, {"name": name}).fetchone()
    assert row
    return Built(spec, name, frozenset(row[0]), int(row[1]))


def relations_of(built: Sequence[Built]) -> frozenset[QualifiedName]:
    """The relations that have new indexes."""
    return frozenset(b.spec.relation for b in built)
