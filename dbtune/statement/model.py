"""A statement as the planner's raw material: quals, join clauses, sort keys per relation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbtune.identifier import QualifiedName

StatementKind = Literal["select", "insert", "update", "delete", "merge"]

QualKind = Literal[
    "equal",  # column = value
    "in",  # column IN (…), = ANY(…)
    "range",  # < <= > >= BETWEEN
    "like",  # LIKE / ILIKE / SIMILAR TO
    "regex",  # ~ ~* !~ !~*
    "is_null",
    "is_not_null",
    "not_equal",  # <>, NOT IN, IS DISTINCT FROM
    "boolean",  # a bare boolean column or NOT column
    "contains",  # jsonb/array/range operators: @> <@ && ? ?| ?& @@ @?
    "text_search",  # tsvector @@ tsquery
    "similar",  # pg_trgm: % <% %> <<% %>>
    "other",
]

JoinKind = Literal["inner", "left", "right", "full", "semi", "anti"]

OperandKind = Literal["parameter", "constant", "expression", "subquery", "column"]


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A text that dbtune does not read, and why; it is counted and told, never dropped."""

    reason: str


@dataclass(frozen=True, slots=True)
class Qual:
    """One condition of a relation's rows, ANDed with its other quals.

    `column` is the column it rests on; `expression` is set when the column stands inside one
    (`lower(email)`, `doc ->> 'k'`, `date(created_at)`), as PostgreSQL SQL with unqualified, quoted
    names, and `function` names the function or operator that wraps it. `value` is the constant as
    SQL text when the operand is one, else None. `in_or` marks a member of an OR: alone it does not
    restrict. `prefix` is True for a LIKE whose pattern is known to begin with a literal.
    `parametrized` says that `expression` holds a `$n` or subquery, so no index can have it as it
    stands (`doc ->> $1`: the text came without its literals). `branch` numbers the alternative of
    its OR. `row` names the columns, in order,
    of the row comparison it is part of: `(a, b) > ($1, $2)` is a range on `a`, and on `b` only
    together with it. `operand` "column" is a column of another relation or of a function's
    result, or an expression of some.
    """

    column: str
    kind: QualKind
    operator: str
    operand: OperandKind
    value: str | None = None
    expression: str | None = None
    function: str | None = None
    in_or: bool = False
    branch: int | None = None
    prefix: bool | None = None
    parametrized: bool = False
    row: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY element resolved to a column (or an expression) of one relation.

    `near` is the column of an expression that is its distance from a value: `place <-> $1`.
    """

    column: str | None
    expression: str | None = None
    descending: bool = False
    nulls_first: bool = False
    near: str | None = None


@dataclass(frozen=True, slots=True)
class JoinClause:
    """An equality (or other operator) between columns of two relation uses.

    `left` and `right` index `Statement.relations`.
    """

    left: int
    left_column: str
    right: int
    right_column: str
    operator: str = "="
    kind: JoinKind = "inner"


@dataclass(frozen=True, slots=True)
class RelationUse:
    """One appearance of a base relation in a statement, with all that is asked of it.

    `extreme_keys` are columns whose ends are asked for by min() or max(), or that an aggregate
    wants in order (DISTINCT). `window_keys` are the partition and order of its window functions.
    `projected` holds every column that the statement reads of it, in order of first use, quals
    and sort keys included; `all_columns` says SELECT * (or whole-row) on it. `role` tells a
    target of DML from what is only read. `limit` is the LIMIT that applies to this use alone
    (None: none; -1: a parameter). `outer_references` are columns compared with an outer query.
    """

    relation: QualifiedName
    alias: str
    role: Literal["read", "target"] = "read"
    quals: tuple[Qual, ...] = ()
    sort_keys: tuple[SortKey, ...] = ()
    group_keys: tuple[str, ...] = ()
    distinct_keys: tuple[str, ...] = ()
    extreme_keys: tuple[str, ...] = ()
    window_keys: tuple[SortKey, ...] = ()
    projected: tuple[str, ...] = ()
    all_columns: bool = False
    written: tuple[str, ...] = ()
    limit: int | None = None
    has_offset: bool = False
    locking: bool = False
    in_subquery: bool = False

    def quals_of(self, *kinds: QualKind) -> tuple[Qual, ...]:
        return tuple(q for q in self.quals if q.kind in kinds and not q.in_or)


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement. `unresolved` names relations that are not in the catalog.

    `tags` are sqlcommenter key/value pairs. `rows_per_call` is the number of VALUES rows of an
    INSERT, None when unknown or not an INSERT. `on_conflict` is the conflict target's columns of
    an INSERT … ON CONFLICT (empty tuple without target), None without the clause.
    """

    kind: StatementKind
    relations: tuple[RelationUse, ...]
    join_clauses: tuple[JoinClause, ...] = ()
    unresolved: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    rows_per_call: int | None = None
    on_conflict: tuple[str, ...] | None = None
    parameters: int = 0

    def uses_of(self, relation: QualifiedName) -> tuple[RelationUse, ...]:
        return tuple(use for use in self.relations if use.relation == relation)
