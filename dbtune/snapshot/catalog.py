"""The catalog part of a snapshot: relations, columns, indexes, constraints and their statistics.

All names are unquoted. `definition` fields are SQL as the server's pg_get_*def() wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbtune.identifier import QualifiedName

RelationKind = Literal["r", "p", "v", "m", "f"]
"""pg_class.relkind: table, partitioned table, view, materialized view, foreign table."""


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """One row of pg_stats, values as text; a redacted snapshot keeps all but the values.

    `n_distinct` is as in pg_stats: negative means a fraction of the rows. `*_values` and
    `*_bounds` hold each element's text form. `inherited` rows cover a relation with its children.
    """

    inherited: bool
    null_frac: float
    avg_width: int
    n_distinct: float
    most_common_values: tuple[str, ...] | None = None
    most_common_freqs: tuple[float, ...] | None = None
    histogram_bounds: tuple[str, ...] | None = None
    correlation: float | None = None
    most_common_elems: tuple[str, ...] | None = None
    most_common_elem_freqs: tuple[float, ...] | None = None
    elem_count_histogram: tuple[float, ...] | None = None
    range_length_histogram: tuple[str, ...] | None = None
    range_empty_frac: float | None = None
    range_bounds_histogram: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation; dropped columns are left out, `number` is pg_attribute.attnum.

    `type` is format_type()'s text; `type_kind` is pg_type.typtype of the column's type and
    `type_length` its typlen (-1 for variable length), `type_align` its typalign.
    """

    number: int
    name: str
    type: str
    type_kind: str
    type_length: int
    type_align: str
    not_null: bool
    default: str | None = None
    generated: Literal["", "s", "v"] = ""
    identity: Literal["", "a", "d"] = ""
    collation: QualifiedName | None = None
    storage: str = ""
    statistics_target: int | None = None
    statistics: tuple[ColumnStatistics, ...] = ()

    def statistics_for(self, *, inherited: bool = False) -> ColumnStatistics | None:
        """The statistics of the relation alone, or with its children."""
        return next((s for s in self.statistics if s.inherited == inherited), None)


@dataclass(frozen=True, slots=True)
class TableActivity:
    """pg_stat_all_tables and pg_statio_all_tables, since the statistics were last reset."""

    seq_scan: int
    seq_tup_read: int
    idx_scan: int
    idx_tup_fetch: int
    n_tup_ins: int
    n_tup_upd: int
    n_tup_del: int
    n_tup_hot_upd: int
    n_live_tup: int
    n_dead_tup: int
    n_mod_since_analyze: int
    last_vacuum: str | None
    last_analyze: str | None
    heap_blks_read: int
    heap_blks_hit: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, partitioned table, view, materialized view or foreign table.

    `size_bytes` is the size of the main fork, which the planner trusts; `relpages`, `reltuples`
    (-1: never analysed) and `relallvisible` are pg_class's estimates.
    """

    oid: int
    name: QualifiedName
    kind: RelationKind
    persistence: Literal["p", "u", "t"]
    owner: str
    relpages: int
    reltuples: float
    relallvisible: int
    size_bytes: int
    toast_bytes: int
    columns: tuple[Column, ...]
    options: tuple[str, ...] = ()
    parents: tuple[QualifiedName, ...] = ()
    partition_key: str | None = None
    partition_bound: str | None = None
    row_security: bool = False
    replica_identity: Literal["d", "n", "f", "i"] = "d"
    definition: str | None = None
    foreign_server: str | None = None
    activity: TableActivity | None = None

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    @property
    def is_partition(self) -> bool:
        return self.partition_bound is not None


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One key of an index: a column or an expression, its operator class, collation and order.

    `opclass` and `collation` are None when they are the defaults of the type and column. `type` is
    format_type()'s text of an expression's type; a column knows its own.
    """

    column: str | None
    expression: str | None = None
    opclass: str | None = None
    collation: QualifiedName | None = None
    descending: bool = False
    nulls_first: bool = False
    statistics: ColumnStatistics | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class IndexActivity:
    """pg_stat_all_indexes, since the statistics were last reset."""

    idx_scan: int
    idx_tup_read: int
    idx_tup_fetch: int
    last_idx_scan: str | None


@dataclass(frozen=True, slots=True)
class GinPages:
    """What a GIN index's first page says: its pending list, and the rest as of the last VACUUM."""

    pending: int
    total: int
    entry: int
    data: int
    entries: int


@dataclass(frozen=True, slots=True)
class Index:
    """An index that exists on the server. `constraint` names the constraint it backs.

    `tree_height` is a B-tree's root level; it and `gin_pages` stand on the index's first page,
    which few roles may read.
    """

    oid: int
    name: QualifiedName
    relation: QualifiedName
    access_method: str
    definition: str
    keys: tuple[IndexKey, ...]
    included: tuple[str, ...]
    predicate: str | None
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_ready: bool
    is_replica_identity: bool
    is_immediate: bool
    nulls_not_distinct: bool
    constraint: str | None
    relpages: int
    reltuples: float
    size_bytes: int
    options: tuple[str, ...] = ()
    parent: QualifiedName | None = None
    tree_height: int | None = None
    gin_pages: GinPages | None = None
    activity: IndexActivity | None = None
    is_being_built: bool = False


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a relation; kinds as pg_constraint.contype (p, u, f, c, x, n)."""

    name: str
    relation: QualifiedName
    kind: str
    definition: str
    columns: tuple[str, ...]
    validated: bool
    deferrable: bool = False
    referenced: QualifiedName | None = None
    referenced_columns: tuple[str, ...] = ()
    on_delete: str = ""
    on_update: str = ""
    index: QualifiedName | None = None
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class ExtendedStatistics:
    """An extended statistics object (pg_stats_ext), values as the view shows them.

    `expression_statistics` has one entry per expression (pg_stats_ext_exprs), or none at all.
    """

    name: QualifiedName
    relation: QualifiedName
    definition: str
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    expressions: tuple[str, ...] = ()
    inherited: bool = False
    n_distinct: str | None = None
    dependencies: str | None = None
    most_common_values: tuple[tuple[str | None, ...], ...] | None = None
    most_common_freqs: tuple[float, ...] | None = None
    most_common_base_freqs: tuple[float, ...] | None = None
    expression_statistics: tuple[ColumnStatistics, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """Any other object that the schema needs, with the DDL that makes it.

    `kind` is one of extension, schema, role, type, domain, domain constraint, sequence, function,
    aggregate, operator, cast, collation, text search dictionary, text search configuration,
    policy, rule, trigger, server.
    """

    kind: str
    identity: str
    definition: str
    oid: int = 0


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension."""

    name: str
    version: str
    schema: str
