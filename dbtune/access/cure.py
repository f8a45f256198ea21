"""One statement that does the work of a loop of lookups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.model import Snapshot
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import Outline

_COMPARED = r"""(?P<name>(?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))*)"""
_PARAMETER = r"(?P<parameter>\$\d+)(?P<cast>::[\w ]+)?"
_FORWARD = re.compile(rf"{_COMPARED}\s*=\s*{_PARAMETER}(?!\w)")
_LISTED = re.compile(rf"{_COMPARED}\s+IN\s*\(\s*{_PARAMETER}\s*\)", re.IGNORECASE)
_BACKWARD = re.compile(rf"(?<![\w$]){_PARAMETER}\s*=\s*{_COMPARED}")
_TAIL = re.compile(r"(?:\s+(?:LIMIT|OFFSET)\s+(?:\$\d+|\d+)(?:::\w+)?)+\s*;?\s*\Z", re.IGNORECASE)
_NUMBER = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Batch:
    """A statement for many values at once.

    `parameters` holds for each of its parameters the number of the loop's parameter whose value,
    or whose values in an array where the number is in `arrays`, it takes. `leads` columns with
    the values stand before those of the loop.
    """

    text: str
    parameters: tuple[int, ...]
    arrays: frozenset[int]
    leads: int = 0


def batched(
    text: str, seen: Outline, columns: Sequence[ColumnName], snapshot: Snapshot
) -> Batch | None:
    """The lookup `text` for many values of `columns` at once, or None where it cannot be written.

    Rows per value are limited or aggregated, or several columns vary: LATERAL over unnest keeps
    the lookup as it is. Else `= ANY($n)`, where the rows tell by the column which value they
    belong to.
    """
    text = text.rstrip().rstrip(";")
    places = [_comparison(text, column.column) for column in columns]
    found = [place for place in places if place is not None]
    if not columns or len(found) < len(columns):
        return None
    arrays = frozenset(int(place["parameter"][1:]) for place in found)
    limited = seen.has_limit or seen.has_offset
    plain = not seen.aggregates and not seen.groups and len(columns) == 1
    if plain and (not limited or _is_unique(snapshot, columns[0])):
        named = {c.column for c in seen.projected}
        if seen.all_columns or columns[0].column in named:
            listed = f"{found[0]['name']} = ANY({found[0]['parameter']})"
            whole = text[: found[0].start()] + listed + text[found[0].end() :]
            return _numbered(_TAIL.sub("", whole) if limited else whole, arrays)
    kinds = [_type_of(snapshot, column) for column in columns]
    if None in kinds:
        return None
    names = ["value"] if len(columns) == 1 else [quote_identifier(c.column) for c in columns]
    inner = text
    for place, name in sorted(zip(found, names, strict=True), key=lambda p: -p[0].start()):
        wanted = f"{place['name']} = wanted.{name}"
        inner = inner[: place.start()] + wanted + inner[place.end() :]
    lists = ", ".join(f"{p['parameter']}::{k}[]" for p, k in zip(found, kinds, strict=True))
    shown = ", ".join(f"wanted.{name}" for name in names)
    return _numbered(
        f"SELECT {shown}, found.* FROM unnest({lists}) AS wanted({', '.join(names)})"
        f" CROSS JOIN LATERAL ({inner}) AS found",
        arrays,
        leads=len(names),
    )


def _numbered(text: str, arrays: frozenset[int], leads: int = 0) -> Batch:
    """The batch with its parameters numbered from 1, in the order of their old numbers."""
    old = sorted({int(number) for number in _NUMBER.findall(text)})
    new = {number: at for at, number in enumerate(old, 1)}
    return Batch(_NUMBER.sub(lambda m: f"${new[int(m[1])]}", text), tuple(old), arrays, leads)


def _comparison(text: str, column: str) -> re.Match[str] | None:
    """Where the column is compared with its parameter; None unless exactly once."""
    found = [
        match
        for pattern in (_FORWARD, _LISTED, _BACKWARD)
        for match in pattern.finditer(text)
        if match["name"].split(".")[-1].strip('"') == column
    ]
    return found[0] if len(found) == 1 else None


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
