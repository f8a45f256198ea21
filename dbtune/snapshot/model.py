"""The Snapshot: what collect returns, what everything downstream reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import (
    Constraint,
    ExtendedStatistics,
    Extension,
    Index,
    Relation,
    SchemaObject,
)

SNAPSHOT_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Server:
    """The server and database a snapshot was taken of; never a host, user or password.

    `version_num` is server_version_num (150018 for 15.18). Times are ISO 8601 in UTC.
    """

    version_num: int
    database: str
    encoding: str
    collate: str
    ctype: str
    locale_provider: str
    in_recovery: bool
    started_at: str | None
    stats_reset_at: str | None
    system_identifier: str | None = None

    @property
    def major(self) -> int:
        return self.version_num // 10000


@dataclass(frozen=True, slots=True)
class StatementStatistics:
    """One row of pg_stat_statements, or one statement of a workload file or log.

    `text` is the normalized query as the server shows it. Times are in milliseconds, blocks in
    pages of 8 KiB. A workload file knows only `text` and `calls`: its times are zero and
    `source` says "file". `target_plan` is what EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) said on
    the target, where that was asked for.
    """

    text: str
    calls: int
    total_exec_ms: float = 0.0
    min_exec_ms: float = 0.0
    max_exec_ms: float = 0.0
    mean_exec_ms: float = 0.0
    stddev_exec_ms: float = 0.0
    rows: int = 0
    shared_blks_hit: int = 0
    shared_blks_read: int = 0
    shared_blks_dirtied: int = 0
    shared_blks_written: int = 0
    temp_blks_read: int = 0
    temp_blks_written: int = 0
    wal_bytes: int = 0
    plans: int = 0
    total_plan_ms: float = 0.0
    queryid: int | None = None
    role: str | None = None
    toplevel: bool = True
    search_path: tuple[str, ...] = ()
    source: str = "pg_stat_statements"
    target_plan: str | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """One statement's counters at the time of one reading."""

    calls: int
    rows: int
    total_exec_ms: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of pg_stat_statements; `counters[i]` belongs to `Snapshot.statements[i]`."""

    at: str
    counters: tuple[Counter | None, ...]


@dataclass(frozen=True, slots=True)
class NotCollected:
    """What could not be read, why, and the command that mends it (empty: nothing does).

    `share` (0 to 1) is the part of the execution time that it hides.
    """

    what: str
    why: str
    remedy: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class Snapshot:
    """A frozen picture of one database: catalog, statistics, settings, statements.

    Every tuple is in a deterministic order (relations and indexes by oid, the rest by name).
    `installable_extensions` are those that CREATE EXTENSION finds and nobody created yet.
    """

    dbtune_version: str
    captured_at: str
    server: Server
    settings: dict[str, str]
    extensions: tuple[Extension, ...]
    relations: tuple[Relation, ...]
    indexes: tuple[Index, ...]
    constraints: tuple[Constraint, ...]
    extended_statistics: tuple[ExtendedStatistics, ...] = ()
    objects: tuple[SchemaObject, ...] = ()
    search_path: tuple[str, ...] = ("public",)
    statements: tuple[StatementStatistics, ...] = ()
    readings: tuple[Reading, ...] = ()
    evictions: int | None = None
    not_collected: tuple[NotCollected, ...] = ()
    redacted: bool = False
    installable_extensions: tuple[str, ...] = ()
    schema: int = field(default=SNAPSHOT_SCHEMA)

    @cached_property
    def relation_by_name(self) -> dict[QualifiedName, Relation]:
        return {r.name: r for r in self.relations}

    @cached_property
    def indexes_by_relation(self) -> dict[QualifiedName, tuple[Index, ...]]:
        grouped: dict[QualifiedName, list[Index]] = {}
        for index in self.indexes:
            grouped.setdefault(index.relation, []).append(index)
        return {name: tuple(indexes) for name, indexes in grouped.items()}

    @cached_property
    def partitions_by_parent(self) -> dict[QualifiedName, tuple[Relation, ...]]:
        """The partitions directly below each partitioned table."""
        grouped: dict[QualifiedName, list[Relation]] = {}
        for relation in self.relations:
            if relation.is_partition:
                for parent in relation.parents:
                    grouped.setdefault(parent, []).append(relation)
        return {name: tuple(relations) for name, relations in grouped.items()}

    @cached_property
    def indexes_by_parent(self) -> dict[QualifiedName, tuple[Index, ...]]:
        """The indexes attached directly below each partitioned index."""
        grouped: dict[QualifiedName, list[Index]] = {}
        for index in self.indexes:
            if index.parent:
                grouped.setdefault(index.parent, []).append(index)
        return {name: tuple(indexes) for name, indexes in grouped.items()}

    @cached_property
    def constraints_by_relation(self) -> dict[QualifiedName, tuple[Constraint, ...]]:
        grouped: dict[QualifiedName, list[Constraint]] = {}
        for constraint in self.constraints:
            grouped.setdefault(constraint.relation, []).append(constraint)
        return {name: tuple(constraints) for name, constraints in grouped.items()}

    @cached_property
    def foreign_keys(self) -> tuple[Constraint, ...]:
        return tuple(c for c in self.constraints if c.kind == "f")

    @cached_property
    def foreign_keys_by_end(self) -> dict[QualifiedName, tuple[Constraint, ...]]:
        """The foreign keys that refer from or to each relation."""
        grouped: dict[QualifiedName, list[Constraint]] = {}
        for key in self.foreign_keys:
            for end in {key.relation, key.referenced or key.relation}:
                grouped.setdefault(end, []).append(key)
        return {name: tuple(keys) for name, keys in grouped.items()}

    def leaves(self, relation: Relation) -> Iterator[Relation]:
        """The relations that hold the rows: the leaf partitions, or the relation itself."""
        if relation.kind != "p":
            yield relation
        for partition in self.partitions_by_parent.get(relation.name, ()):
            yield from self.leaves(partition)

    def index_leaves(self, index: Index) -> Iterator[Index]:
        """The indexes that are scanned: those attached below a partitioned index, or itself."""
        below = self.indexes_by_parent.get(index.name, ())
        if not below:
            yield index
        for child in below:
            yield from self.index_leaves(child)

    def resolve(self, name: str, schema: str | None = None) -> Relation | None:
        """The relation that an unquoted (schema and) name means under the search path."""
        schemas = (schema,) if schema else self.search_path
        return next(
            (r for s in schemas if (r := self.relation_by_name.get(QualifiedName(s, name)))), None
        )
