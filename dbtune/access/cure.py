"""One statement that does the work of a loop."""

from __future__ import annotations

import re

from dbtune.identifier import QualifiedName
from dbtune.snapshot.model import Snapshot
from dbtune.statement.outline import ColumnName, Outline

_COMPARED = r"""(?P<name>(?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))*)"""
_PARAMETER = r"(?P<parameter>\$\d+)(?P<cast>::[\w ]+)?"
_FORWARD = re.compile(rf"{_COMPARED}\s*=\s*{_PARAMETER}(?!\w)")
_BACKWARD = re.compile(rf"(?<![\w$]){_PARAMETER}\s*=\s*{_COMPARED}")
_TAIL = re.compile(r"(?:\s+(?:LIMIT|OFFSET)\s+(?:\$\d+|\d+)(?:::\w+)?)+\s*;?\s*\Z", re.IGNORECASE)


def batched(text: str, seen: Outline, column: ColumnName, snapshot: Snapshot) -> str | None:
    """The lookup `text` for many values of `column` at once, or None where it cannot be written.

    Rows per value are limited or aggregated: LATERAL over unnest keeps the lookup as it is. Else
    `= ANY($n)`, where the rows tell by the column which value they belong to.
    """
    found = _comparison(text, column.column)
    if found is None:
        return None
    limited = seen.has_limit or seen.has_offset
    unique = _is_unique(snapshot, column)
    plain = not seen.aggregates and not seen.groups and (unique or not limited)
    if plain and (seen.all_columns or column.column in {c.column for c in seen.projected}):
        listed = f"{found['name']} = ANY({found['parameter']})"
        return _shortened(text[: found.start()] + listed + text[found.end() :], limited)
    kind = _type_of(snapshot, column)
    if kind is None:
        return None
    inner = text[: found.start()] + f"{found['name']} = wanted.value" + text[found.end() :]
    return (
        f"SELECT wanted.value, found.* FROM unnest({found['parameter']}::{kind}[]) AS wanted(value)"
        f" CROSS JOIN LATERAL ({inner.rstrip().rstrip(';')}) AS found"
    )


def batched_write(seen: Outline) -> str:
    """How the rows of a one-row write go in one statement."""
    if seen.verb != "insert":
        return (
            f"{seen.verb.upper()} … FROM unnest($1, $2) AS given(id, value)"
            if seen.verb == "update"
            else "DELETE … WHERE id = ANY($1)"
        )
    if seen.on_conflict:
        return "INSERT … SELECT … FROM unnest($1, $2) ON CONFLICT …"
    return "INSERT … VALUES (…), (…), or COPY"


def _comparison(text: str, column: str) -> re.Match[str] | None:
    """Where the column is compared with its parameter; None unless exactly once."""
    found = [
        match
        for pattern in (_FORWARD, _BACKWARD)
        for match in pattern.finditer(text)
        if match["name"].split(".")[-1].strip('"') == column
    ]
    return found[0] if len(found) == 1 else None


def _shortened(text: str, limited: bool) -> str:
    return _TAIL.sub("", text) if limited else text


def _is_unique(snapshot: Snapshot, column: ColumnName) -> bool:
    if not snapshot.relations:
        return column.column.lower() == "id"  # what a log alone can tell
    return any(
        index.is_unique and index.relation.name == column.relation
        and [key.column for key in index.keys] == [column.column] and not index.predicate
        for index in snapshot.indexes
    )  # fmt: skip


def _type_of(snapshot: Snapshot, column: ColumnName) -> str | None:
    relation = relation_named(snapshot, column.relation)
    found = snapshot.relation_by_name[relation].column(column.column) if relation else None
    return found.type if found else None


def relation_named(snapshot: Snapshot, name: str | None) -> QualifiedName | None:
    """The relation that a text without schema means: on the search path, else the only one."""
    if name is None:
        return None
    resolved = snapshot.resolve(name)
    if resolved:
        return resolved.name
    named = [relation.name for relation in snapshot.relations if relation.name.name == name]
    return named[0] if len(named) == 1 else None
