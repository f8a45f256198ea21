"""A snapshot as DDL in loading order. Pure: no server is asked.

The twin has no rows and one owner, so what only guards or moves rows is left out: privileges,
row-level security policies, ordinary triggers, unlogged storage. A materialized view is loaded as
a table: to the planner it is one, and its definition need not be loadable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.identifier import QualifiedName, quote_identifier, quote_literal
from dbtune.snapshot.catalog import Column, Constraint, Index, Relation, SchemaObject
from dbtune.snapshot.model import Snapshot


@dataclass(frozen=True, slots=True)
class Ddl:
    """One statement, what it makes (for messages), and the relation it belongs to."""

    sql: str
    what: str
    relation: QualifiedName | None = None


# Made by name elsewhere, of no weight in plans, or made after the relations.
_NOT_BEFORE = frozenset({"extension", "schema", "role", "policy", "rule", "trigger"})
_FIRST = ("collation", "type", "domain", "sequence", "function", "operator")


def object_phases(snapshot: Snapshot) -> Iterator[tuple[Ddl, ...]]:
    """The DDL of what relations may depend on, phase by phase."""
    kinds = {o.kind: None for o in snapshot.objects if o.kind not in _NOT_BEFORE}
    for kind in dict.fromkeys((*_FIRST, *kinds)):
        yield tuple(_object(o) for o in snapshot.objects if o.kind == kind)


def relation_phases(snapshot: Snapshot, *, holds_rows: bool = True) -> Iterator[tuple[Ddl, ...]]:
    """The DDL of everything else that plans depend on, phase by phase.

    Statements of one phase may depend on each other and on earlier phases: the loader retries
    what failed. Indexes come in the order of their OIDs, by which the planner breaks ties. Tables
    that hold no rows get no TOAST tables, which take longer to make than they do.
    """
    stored = [r for r in snapshot.relations if r.kind in "rpmf" and r.persistence != "t"]
    yield tuple(table_ddl(r, holds_rows=holds_rows) for r in stored)
    yield tuple(_constraint(c) for c in _loadable(snapshot, "c"))
    yield tuple(_attachment(r, parent) for r in stored for parent in r.parents)
    yield tuple(_view(r) for r in snapshot.relations if r.kind == "v")
    yield tuple(_indexes(snapshot))
    yield tuple(_index_attachment(i, i.parent) for i in snapshot.indexes if i.parent)
    partitioned = frozenset(r.name for r in stored if r.kind == "p")
    foreign = _loadable(snapshot, "f")
    yield tuple(_constraint(c, validates=c.relation in partitioned) for c in foreign)
    yield tuple(d for r in stored if (d := _defaults(r)))
    # Those of a parent stand twice: of itself, and with its children.
    extended = {s.name: s for s in snapshot.extended_statistics}.values()
    yield tuple(Ddl(s.definition, f"statistics {s.name}", s.relation) for s in extended)
    yield tuple(_object(o) for o in snapshot.objects if o.kind == "rule")
    yield tuple(
        _object(o) for o in snapshot.objects if o.kind == "trigger" and "INSTEAD OF" in o.definition
    )


def _object(made: SchemaObject) -> Ddl:
    return Ddl(made.definition, f"{made.kind} {made.identity}")


def table_ddl(relation: Relation, *, holds_rows: bool = True) -> Ddl:
    """The DDL of a relation with a row type of its own: anything but a view."""
    kind = {"p": "partitioned table", "m": "materialized view", "f": "foreign table"}
    dropped = _dropped_columns(relation)
    plain = not holds_rows and relation.kind != "f"
    numbered = {c.number: _column(c, relation, is_plain=plain) for c in relation.columns}
    numbered |= {number: f"{name} integer" for number, name in dropped.items()}
    columns = ",\n  ".join(sql for _, sql in sorted(numbered.items()))
    foreign = "FOREIGN " if relation.kind == "f" else ""
    sql = f"CREATE {foreign}TABLE {relation.name.sql} (\n  {columns}\n)"
    if relation.kind == "p" and relation.partition_key:
        sql += f" PARTITION BY {relation.partition_key}"
    if relation.kind == "f" and relation.foreign_server:
        sql += f" SERVER {quote_identifier(relation.foreign_server)}"
        if relation.options:
            sql += f" OPTIONS ({_options(relation.options, assign=' ')})"
    elif relation.options and relation.kind in "rm":
        sql += f" WITH ({_options(relation.options)})"
    if dropped:
        drops = ", ".join(f"DROP COLUMN {name}" for name in dropped.values())
        sql += f";\nALTER {foreign}TABLE {relation.name.sql} {drops}"
    return Ddl(sql, f"{kind.get(relation.kind, 'table')} {relation.name}", relation.name)


def _dropped_columns(relation: Relation) -> dict[int, str]:
    """Placeholders for columns that the target dropped, by number.

    With them every attribute number is the target's, and a row has the nulls it has there.
    """
    used = {c.number for c in relation.columns}
    gaps = set(range(1, max(used, default=0))) - used
    return {number: f'"........pg.dropped.{number}........"' for number in sorted(gaps)}


def _column(column: Column, relation: Relation, *, is_plain: bool) -> str:
    sql = f"{quote_identifier(column.name)} {column.type}"
    if is_plain and column.type_length < 0:
        sql += " STORAGE PLAIN"
    if column.collation:
        sql += f" COLLATE {column.collation.sql}"
    if column.generated and column.default:
        sql += f" GENERATED ALWAYS AS ({column.default})"
        sql += " STORED" if column.generated == "s" else " VIRTUAL"
    if column.identity and not relation.is_partition:
        always = "ALWAYS" if column.identity == "a" else "BY DEFAULT"
        sql += f" GENERATED {always} AS IDENTITY"
    return sql + (" NOT NULL" if column.not_null else "")


def _options(options: tuple[str, ...], assign: str = "=") -> str:
    pairs = (option.partition("=") for option in options)
    return ", ".join(f"{quote_identifier(k)}{assign}{quote_literal(v)}" for k, _, v in pairs)


def _attachment(relation: Relation, parent: QualifiedName) -> Ddl:
    if relation.partition_bound:
        sql = f"ALTER TABLE ONLY {parent.sql} ATTACH PARTITION {relation.name.sql} "
        sql += relation.partition_bound
        return Ddl(sql, f"partition {relation.name}", relation.name)
    sql = f"ALTER TABLE {relation.name.sql} INHERIT {parent.sql}"
    return Ddl(sql, f"inheritance of {relation.name}", relation.name)


def _view(relation: Relation) -> Ddl:
    columns = ", ".join(quote_identifier(c.name) for c in relation.columns)
    options = f" WITH ({_options(relation.options)})" if relation.options else ""
    definition = (relation.definition or "").rstrip().rstrip(";")
    sql = f"CREATE VIEW {relation.name.sql} ({columns}){options} AS {definition}"
    return Ddl(sql, f"view {relation.name}", relation.name)


def _indexes(snapshot: Snapshot) -> Iterator[Ddl]:
    backing = {c.index: c for c in snapshot.constraints if c.index and c.kind in "pux"}
    for index in sorted(snapshot.indexes, key=lambda i: i.oid):
        constraint = backing.get(index.name)
        if constraint:
            made = _constraint(constraint)
            yield Ddl(made.sql, f"index {index.name}", index.relation)
        else:
            yield Ddl(index.definition, f"index {index.name}", index.relation)


def _loadable(snapshot: Snapshot, kind: str) -> Iterator[Constraint]:
    """Constraints of a kind, without those that a parent's bring to its partitions."""
    return (c for c in snapshot.constraints if c.kind == kind and not (c.inherited and kind == "f"))


def _constraint(constraint: Constraint, *, validates: bool = False) -> Ddl:
    """`validates`: before 18, a partitioned relation takes no foreign key that is NOT VALID."""
    sql = (
        f"ALTER TABLE ONLY {constraint.relation.sql} "
        f"ADD CONSTRAINT {quote_identifier(constraint.name)} {constraint.definition}"
    )
    if constraint.kind == "f":
        sql = sql.replace("ALTER TABLE ONLY", "ALTER TABLE", 1)
        if not validates and "NOT VALID" not in sql and "NOT ENFORCED" not in sql:
            sql += " NOT VALID"  # the planner uses it all the same, and adding it is cheaper
    what = f"constraint {quote_identifier(constraint.name)} on {constraint.relation}"
    return Ddl(sql, what, constraint.relation)


def _index_attachment(index: Index, parent: QualifiedName) -> Ddl:
    sql = f"ALTER INDEX {parent.sql} ATTACH PARTITION {index.name.sql}"
    return Ddl(sql, f"attachment of index {index.name}", index.relation)


def _defaults(relation: Relation) -> Ddl | None:
    actions = [
        f"ALTER COLUMN {quote_identifier(c.name)} SET DEFAULT {c.default}"
        for c in relation.columns
        if c.default is not None and not c.generated and not c.identity
    ]
    if not actions:
        return None
    sql = f"ALTER TABLE ONLY {relation.name.sql} {', '.join(actions)}"
    return Ddl(sql, f"column defaults of {relation.name}", relation.name)
