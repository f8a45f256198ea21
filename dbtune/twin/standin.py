"""Stand-ins for what the embedded server lacks: collations, and types of absent extensions."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.snapshot.model import Snapshot
from dbtune.twin.model import NotModelled, Session

_TYPE = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|\w+)\.)?(?P<name>"(?:[^"]|"")+"|\w+)')


def make_missing_collations(superuser: Session, snapshot: Snapshot) -> list[NotModelled]:
    """Give each collation that columns and keys name, and the server lacks, a stand-in.

    The wheel has no ICU and no locale but C and C.UTF-8. Order within a language decides no plan's
    cost; what decides is whether `LIKE 'x%'` may use an index, and that C.UTF-8 keeps as it is.
    """
    named = {c.collation for r in snapshot.relations for c in r.columns if c.collation}
    named |= {k.collation for i in snapshot.indexes for k in i.keys if k.collation}
    made = []
    for collation in sorted(named):
        row = superuser.execute(
            "SELECT 1 FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace"
            " WHERE c.collname = %s AND n.nspname = %s AND c.collencoding IN (-1, 6)",
            (collation.name, collation.schema),
        ).fetchone()
        if row is None:
            made.append(_stand_in_collation(superuser, collation))
    return made


def _stand_in_collation(superuser: Session, collation: QualifiedName) -> NotModelled:
    if collation.schema != "pg_catalog":
        schema = quote_identifier(collation.schema)
        superuser.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
    superuser.execute("SET allow_system_table_mods = on")
    sql = f"CREATE COLLATION {collation.sql} (LOCALE = 'C.UTF-8')"
    superuser.execute(sql.encode())
    return NotModelled(f"collation {collation}", "planned with C.UTF-8 in its place")


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
    unresolved = [t for t in texts if not _resolves(superuser, t) and t not in row_types]
    plain: dict[str, str] = {}
    notes = []
    for text in unresolved:
        found = _TYPE.match(text)
        if not found:
            continue
        name = found.group()
        if name not in plain.values() and not _resolves(superuser, name):
            _make_type(superuser, found["schema"] or "public", found["name"])
            why = "the embedded server lacks it; its columns have width and nulls, no operators"
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
    qualified = f"{schema}.{name}"
    bare = name.strip('"').replace('""', '"')
    reader = f"{schema}.{quote_identifier(bare + '_in')}"
    writer = f"{schema}.{quote_identifier(bare + '_out')}"
    sql = (
        f"CREATE SCHEMA IF NOT EXISTS {schema};"
        f"CREATE TYPE {qualified};"
        f"CREATE FUNCTION {reader}(cstring) RETURNS {qualified}"
        " AS 'textin' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;"
        f"CREATE FUNCTION {writer}({qualified}) RETURNS cstring"
        " AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;"
        f"CREATE TYPE {qualified} (INPUT = {reader}, OUTPUT = {writer}, STORAGE = extended)"
    )
    superuser.execute(sql.encode())


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
