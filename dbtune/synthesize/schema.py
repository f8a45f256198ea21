"""The schema around the rows: tables before them, everything that checks or follows after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.identifier import quote_identifier, quote_literal
from dbtune.progress import Progress
from dbtune.snapshot.catalog import Constraint
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.refused import refusal
from dbtune.synthesize.relax import relaxed
from dbtune.twin.ddl import Ddl, relation_phases
from dbtune.twin.load import load_schema

_NEXT_VALUE = re.compile(r"nextval\('((?:[^']|'')+)'")
_LATE_OBJECTS = ("rule", "trigger")


@dataclass(frozen=True, slots=True)
class NotMade:
    """What the synthesised database lacks or has otherwise, and why."""

    what: str
    why: str


def make_tables(
    superuser: Connection[Any], owner: Connection[Any], snapshot: Snapshot, progress: Progress
) -> tuple[Snapshot, tuple[NotMade, ...]]:
    """Types, functions, empty tables and partitions; returns the snapshot as it was loaded."""
    bare = replace(
        snapshot,
        indexes=(),
        constraints=(),
        extended_statistics=(),
        objects=tuple(o for o in snapshot.objects if o.kind not in _LATE_OBJECTS),
        relations=tuple(r for r in snapshot.relations if r.kind != "v"),
    )
    loaded, missing = load_schema(superuser, owner, bare, progress)
    by_name = {r.name: r for r in loaded.relations}
    relations = tuple(by_name.get(r.name, r) for r in snapshot.relations)
    notes = tuple(NotMade(m.what, m.why) for m in missing)
    return replace(snapshot, relations=relations), notes


def finish_schema(
    owner: Connection[Any], snapshot: Snapshot, progress: Progress
) -> tuple[NotMade, ...]:
    """Indexes, constraints (checked against the rows), views, triggers, statistics objects."""
    views = tuple(r for r in snapshot.relations if r.kind == "v")
    others = tuple(c for c in snapshot.constraints if c.kind != "c")
    triggers = [
        Ddl(o.definition, f"trigger {o.identity}") for o in snapshot.objects if o.kind == "trigger"
    ]
    late = replace(
        snapshot,
        relations=views,
        constraints=others,
        objects=tuple(o for o in snapshot.objects if o.kind == "rule"),
    )
    validated = {c.name for c in others if c.kind == "f" and c.validated}
    statements = [
        *_checks(snapshot),
        *(_checked(d, validated) for phase in relation_phases(late) for d in phase),
        *triggers,
        *_targets(snapshot),
    ]
    progress.stage("build indexes and check constraints", len(statements))
    return (*_run(owner, statements, snapshot, progress), *_differences(snapshot))


def _differences(snapshot: Snapshot) -> Iterator[NotMade]:
    """What is otherwise in every synthesised database, told where the snapshot has any of it."""
    triggers = sum(o.kind == "trigger" for o in snapshot.objects)
    if triggers:
        why = "made after the rows: none of them fired for a row"
        yield NotMade(f"{triggers} triggers", why)
    for relation in snapshot.relations:
        if relation.kind == "m":
            why = "made as a table with rows of its own statistics: it cannot be refreshed"
            yield NotMade(f"materialized view {relation.name}", why)
        if relation.kind == "f":
            yield NotMade(f"foreign table {relation.name}", "its rows are another server's: none")
        if relation.row_security:
            why = "its policies name roles of the target: left out, so every row is seen"
            yield NotMade(f"row security of {relation.name}", why)


def set_sequences(owner: Connection[Any], snapshot: Snapshot) -> tuple[NotMade, ...]:
    """Let every sequence go on after the largest value that its column has."""
    statements = []
    for relation in snapshot.relations:
        for column in relation.columns:
            found = _NEXT_VALUE.search(column.default or "")
            name = quote_literal(relation.name.sql)
            if column.identity and not relation.is_partition:
                literal = quote_literal(column.name)
                sequence = f"pg_get_serial_sequence({name}, {literal})::regclass"
            elif found:
                sequence = f"'{found[1]}'::regclass"
            else:
                continue
            sql = (
                f"SELECT setval({sequence}, max({quote_identifier(column.name)})::bigint) "
                f"FROM {relation.name.sql} HAVING max({quote_identifier(column.name)}) >= 1"
            )
            statements.append(Ddl(sql, f"sequence of {relation.name}.{column.name}"))
    return tuple(_run(owner, statements, snapshot, None))


def _run(
    session: Connection[Any],
    statements: Sequence[Ddl],
    snapshot: Snapshot,
    progress: Progress | None,
) -> Iterator[NotMade]:
    """Run each; what fails is tried once more at the end, since it may need a later one."""
    failed = []
    for ddl in statements:
        if _error_of(session, ddl.sql):
            failed.append(ddl)
        if progress:
            progress.step()
    for ddl in failed:
        words = _error_of(session, ddl.sql)
        if words:
            yield NotMade(ddl.what, _relaxed(session, ddl, words, snapshot))


def _relaxed(session: Connection[Any], ddl: Ddl, words: str, snapshot: Snapshot) -> str:
    try:
        return relaxed(session, ddl, words, snapshot, partial(_error_of, session))
    except psycopg.Error as error:
        return refusal(error, session)


def _error_of(session: Connection[Any], sql: str) -> str | None:
    try:
        session.execute(sql.encode())
    except psycopg.errors.DuplicateObject:  # it came with its type or its parent
        return None
    except psycopg.Error as error:
        return refusal(error, session)
    return None


def _checks(snapshot: Snapshot) -> Iterator[Ddl]:
    for constraint in snapshot.constraints:
        if constraint.kind == "c" and not constraint.inherited:
            yield _check(constraint)
    for made in snapshot.objects:
        if made.kind == "domain constraint":
            yield Ddl(made.definition, f"domain constraint {made.identity}")


def _check(constraint: Constraint) -> Ddl:
    name = quote_identifier(constraint.name)
    sql = f"ALTER TABLE {constraint.relation.sql} ADD CONSTRAINT {name} {constraint.definition}"
    return Ddl(sql, f"constraint {name} on {constraint.relation}", constraint.relation)


def _checked(ddl: Ddl, validated: set[str]) -> Ddl:
    """A foreign key that is valid on the target is validated here too."""
    if ddl.sql.endswith(" NOT VALID") and any(
        f" {quote_identifier(n)} " in ddl.sql for n in validated
    ):
        return replace(ddl, sql=ddl.sql.removesuffix(" NOT VALID"))
    return ddl


def _targets(snapshot: Snapshot) -> Iterator[Ddl]:
    """Statistics targets, so that ANALYZE takes as large a sample as the target's."""
    for relation in snapshot.relations:
        for column in relation.columns:
            if relation.kind in "rpm" and (column.statistics_target or -1) >= 0:
                sql = (
                    f"ALTER TABLE {relation.name.sql} ALTER COLUMN {quote_identifier(column.name)} "
                    f"SET STATISTICS {column.statistics_target}"
                )
                yield Ddl(sql, f"statistics target of {relation.name}.{column.name}")
