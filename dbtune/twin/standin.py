"""Stand-ins for what the embedded server lacks: collations, and types of absent extensions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import psycopg

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.snapshot.model import Snapshot
from dbtune.twin.model import NotModelled
from dbtune.twin.session import Session

_NAME = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|\w+)\.)?(?P<name>"(?:[^"]|"")+"|\w+)')


def make_missing_collations(
    superuser: Session, snapshot: Snapshot, refused: Iterable[str]
) -> list[NotModelled]:
    """Give each collation that the server lacks or refused, as SQL names, a stand-in.

    The wheel has no ICU and no locale but C and C.UTF-8. Order within a language decides no plan's
    cost; what decides is whether `LIKE 'x%'` may use an index, and that C.UTF-8 keeps as it is.
    """
    named = {c.collation for r in snapshot.relations for c in r.columns if c.collation}
    named |= {k.collation for i in snapshot.indexes for k in i.keys if k.collation}
    made = []
    for collation in sorted({*(name.sql for name in named), *refused}):
        found = _NAME.fullmatch(collation)
        if found is None:  # the superuser runs no text of a snapshot but names
            continue
        row = superuser.execute("SELECT to_regcollation(%s) IS NULL", (collation,)).fetchone()
        if row == (True,):
            if found["schema"] and found["schema"] != "pg_catalog":
                superuser.execute(f"CREATE SCHEMA IF NOT EXISTS {found['schema']}".encode())
            superuser.execute(f"CREATE COLLATION {collation} (LOCALE = 'C.UTF-8')".encode())
            why = "planned with C.UTF-8 in its place"
            made.append(NotModelled(f"collation {collation}", why))
    return made


def with_stand_in_types(
    superuser: Session, snapshot: Snapshot
) -> tuple[Snapshot, list[NotModelled]]:
    """Give each type that neither the server nor the snapshot has a stand-in shaped like text.

    Returns the snapshot with its columns' types as the stand-ins are written (they take no
    modifiers). Columns of such a type keep width and null fraction; what needs the type's own
    operators or functions stays Unplanned.
    """
    row_types = {r.name.sql for r in snapshot.relations}
    texts = sorted({c.type for r in snapshot.relations for c in r.columns})
    unresolved = [
        t for t in texts if t.removesuffix("[]") not in row_types and not _resolves(superuser, t)
    ]
    plain: dict[str, str] = {}
    notes = []
    for text in unresolved:
        found = _NAME.match(text)
        if not found:
            continue
        name = found.group()
        if name not in plain.values() and not _resolves(superuser, name):
            _make_type(superuser, found["schema"] or "public", found["name"])
            why = "this server lacks it: its columns have width and nulls, no operators"
            notes.append(NotModelled(f"type {name}", why))
        plain[text] = name + ("[]" if text.endswith("[]") else "")
    return _with_types(snapshot, plain), notes


def _resolves(superuser: Session, type_text: str) -> bool:
    try:
        row = superuser.execute("SELECT to_regtype(%s) IS NOT NULL", (type_text,)).fetchone()
    except psycopg.Error:  # the name is known, its modifier is not
        return False
    return bool(row and row[0])


def _make_type(superuser: Session, schema: str, name: str) -> None:
    """A type like text; for a role that may not make one, a domain over text."""
    qualified = f"{schema}.{name}"
    bare = name.strip('"').replace('""', '"')
    functions = {
        part: f"{schema}.{quote_identifier(f'{bare}_{part}')}"
        for part in ("in", "out", "recv", "send")
    }
    like = "LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE"
    sql = (
        f"CREATE TYPE {qualified};"
        f"CREATE FUNCTION {functions['in']}(cstring) RETURNS {qualified} AS 'textin' {like};"
        f"CREATE FUNCTION {functions['out']}({qualified}) RETURNS cstring AS 'textout' {like};"
        f"CREATE FUNCTION {functions['recv']}(internal) RETURNS {qualified} AS 'textrecv' {like};"
        f"CREATE FUNCTION {functions['send']}({qualified}) RETURNS bytea AS 'textsend' {like};"
        f"CREATE TYPE {qualified} (INPUT = {functions['in']}, OUTPUT = {functions['out']},"
        f" RECEIVE = {functions['recv']}, SEND = {functions['send']}, STORAGE = extended)"
    )
    superuser.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
    try:
        superuser.execute(sql.encode())
    except psycopg.errors.InsufficientPrivilege:
        superuser.execute(f"CREATE DOMAIN {qualified} AS text".encode())


def _with_types(snapshot: Snapshot, plain: dict[str, str]) -> Snapshot:
    if not plain:
        return snapshot
    relations = tuple(
        replace(
            relation,
            columns=tuple(
                replace(c, type=plain[c.type], statistics=tuple(map(_without_values, c.statistics)))
                if c.type in plain
                else c
                for c in relation.columns
            ),
        )
        for relation in snapshot.relations
    )
    return replace(snapshot, relations=relations)


def _without_values(statistics: ColumnStatistics) -> ColumnStatistics:
    return ColumnStatistics(
        statistics.inherited, statistics.null_frac, statistics.avg_width, statistics.n_distinct
    )
