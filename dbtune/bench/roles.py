"""What each `$n` of a statement stands for: asked of the server's own plan, not of a parser.

A generic plan names the column beside every parameter of a condition, whatever the statement's
spelling was; VALUES and SET are read from the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import Connection, RawCursor

from dbtune.identifier import QualifiedName
from dbtune.plan import Plan, read_plan

Use = Literal["equal", "in", "low", "high", "like", "contains", "write", "limit", "offset", "other"]

NAME = r'"(?:[^"]|"")+"|\w+'
_COLUMN = rf"(?P<alias>{NAME})\.(?P<column>{NAME})\)*(?:::[\w \"\[\](),]+?)?\)*"
_LEFT = re.compile(
    _COLUMN
    + r"\s(?P<operator>[-<>=~!@&?*|]+)\s(?P<many>ANY \()?\(*(?P<numbers>(?:ARRAY\[)?\$[^)\]]*)"
)
_RIGHT = re.compile(rf"\$(?P<number>\d+)\)*(?:::[\w ]+)?\s(?P<operator>[<>=]+)\s\(*{_COLUMN}")
_NUMBER = re.compile(r"\$(\d+)")
_LIMIT = re.compile(r"\b(limit|offset|first|next)\s+\(?\$(\d+)", re.IGNORECASE)
_INSERT = re.compile(
    rf"\binsert\s+into\s+(?:(?:{NAME})\.)?(?:{NAME})[^()]*\(([^()]*)\)\s*values\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_INSERT_WHOLE = re.compile(
    rf"\binsert\s+into\s+(?:(?:{NAME})\.)?(?:{NAME})\s+values\s*(.*)", re.IGNORECASE | re.DOTALL
)
_PLACES = tuple(
    (re.compile(pattern + r"\s*\$(\d+)", re.IGNORECASE), constant)
    for pattern, constant in (
        (r"\bdate_(?:trunc|part|bin)\s*\(", "day"),
        (r"\b(?:time\s+zone|timezone\s*\()", "UTC"),
        (r"\bpercentile_(?:cont|disc)\s*\(", "0.5"),
        (r"\bto_(?:date|timestamp)\s*\([^(),]*,", "YYYY-MM-DD"),
        (r"\b\w*to_ts(?:query|vector)\s*\((?=\s*\$\d+\s*,)", "simple"),
    )
)
"""What stands before a parameter, and the constant that fits there."""
_ROW = re.compile(r"\(((?:[^()]|\([^()]*\))*)\)")
_SET = re.compile(rf"({NAME})\s*=\s*\(?\$(\d+)")
_SET_CLAUSE = re.compile(r"\bset\b(.*?)(?:\bwhere\b|\bfrom\b|\breturning\b|\Z)", re.I | re.S)

_USES: dict[str, Use] = {
    "=": "equal", ">": "low", ">=": "low", "<": "high", "<=": "high", "~~": "like",
    "~~*": "like", "@>": "contains", "<@": "contains", "&&": "contains", "?": "contains",
}  # fmt: skip
_MIRRORED: dict[str, Use] = {"<": "low", "<=": "low", ">": "high", ">=": "high", "=": "equal"}


@dataclass(frozen=True, slots=True)
class Role:
    """One parameter: its type as regtype's text, and the column it meets (if any) and how.

    `row` tells the rows of a VALUES list apart; `alias` is the relation use within the plan;
    `constant` is what the parameter's place calls for, such as the unit of date_trunc.
    """

    number: int
    type: str
    use: Use
    relation: QualifiedName | None = None
    column: str | None = None
    alias: str = ""
    row: int = 0
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that the server accepts: its parameters' roles and its generic plan."""

    roles: tuple[Role, ...]
    plan: Plan

    @property
    def target(self) -> QualifiedName | None:
        """The relation that it writes."""
        root = next((n for n in self.plan.root.walk() if n.node_type == "ModifyTable"), None)
        return root.relation if root else None


def prepare(connection: Connection[Any], text: str) -> Prepared:
    """Ask the server what the parameters of a statement are.

    Raises:
        psycopg.Error: the server does not accept the text, as normalized texts can be
            (`interval $1`).
    """
    cursor = RawCursor(connection)
    cursor.execute("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan")
    try:
        cursor.execute(b"PREPARE dbtune_statement AS " + text.encode())
        types = _one(
            cursor,
            "SELECT /* dbtune */ parameter_types::text[] FROM pg_prepared_statements "
            "WHERE name = 'dbtune_statement'",
        )
        values = f"({', '.join(['NULL'] * len(types))})" if types else ""
        explained = _one(cursor, f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE dbtune_statement{values}")
    finally:
        cursor.execute("DEALLOCATE ALL; RESET plan_cache_mode")
    plan = read_plan(explained)
    return Prepared(roles_of(text, types, plan, _columns(connection, text, plan)), plan)


def roles_of(
    text: str, types: Sequence[str], plan: Plan, columns: Sequence[str] = ()
) -> tuple[Role, ...]:
    """The roles of parameters `$1` … `$n`; `columns` are those of an INSERT that names none."""
    found: dict[int, Role] = {}
    roles = (
        *_placed(text, types), *_written(text, types, plan, columns), *_met(types, plan),
        *_limits(text, types),
    )  # fmt: skip
    for role in roles:
        found.setdefault(role.number, role)
    return tuple(found.get(n, Role(n, kind, "other")) for n, kind in enumerate(types, start=1))


def _met(types: Sequence[str], plan: Plan) -> Iterator[Role]:
    """Parameters that stand beside a column in a condition of the plan."""
    relations = {n.alias: n.relation for n in plan.root.walk() if n.alias and n.relation}
    for node in plan.root.walk():
        for key, condition in node.details.items():
            if not (isinstance(condition, str) and key.endswith(("Cond", "Filter"))):
                continue
            for found in _LEFT.finditer(condition):
                use = _USES.get(found["operator"], "other")
                use = "in" if found["many"] and use == "equal" else use
                for number in map(int, _NUMBER.findall(found["numbers"])):
                    yield _role(number, types, use, found, relations)
            for found in _RIGHT.finditer(condition):
                use = _MIRRORED.get(found["operator"], "other")
                yield _role(int(found["number"]), types, use, found, relations)


def _role(
    number: int,
    types: Sequence[str],
    use: Use,
    found: re.Match[str],
    relations: dict[str, QualifiedName],
) -> Role:
    alias = unquote(found["alias"])
    if use == "in" and not types[number - 1].endswith("[]"):
        use = "equal"
    return Role(
        number, types[number - 1], use, relations.get(alias), unquote(found["column"]), alias
    )


def _columns(connection: Connection[Any], text: str, plan: Plan) -> tuple[str, ...]:
    """The columns of the relation that an INSERT without a list of columns fills."""
    relation = Prepared((), plan).target
    if relation is None or not _INSERT_WHOLE.search(text):
        return ()
    rows = connection.execute(
        "SELECT /* dbtune */ attname::text "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum",
        (relation.schema, relation.name),
    ).fetchall()
    return tuple(name for (name,) in rows)


def _placed(text: str, types: Sequence[str]) -> Iterator[Role]:
    """Parameters that a function takes as a word of its own."""
    for place, constant in _PLACES:
        for number in map(int, place.findall(text)):
            yield Role(number, types[number - 1], "other", constant=constant)


def _written(
    text: str, types: Sequence[str], plan: Plan, all_columns: Sequence[str]
) -> Iterator[Role]:
    """Parameters of VALUES and SET."""
    root = next((n for n in plan.root.walk() if n.node_type == "ModifyTable"), None)
    if root is None:
        return
    insert, whole = _INSERT.search(text), _INSERT_WHOLE.search(text)
    if insert or whole:
        named = [unquote(c.strip()) for c in insert[1].split(",")] if insert else all_columns
        values = insert[2] if insert else whole[1] if whole else ""
        for row, found in enumerate(_ROW.finditer(values)):
            columns = named[: found[1].count(",") + 1] if whole else named
            items = found[1].split(",")
            if len(items) != len(columns):
                break
            for column, item in zip(columns, items, strict=True):
                for number in map(int, _NUMBER.findall(item)):
                    yield Role(number, types[number - 1], "write", root.relation, column, "", row)
        return
    clause = _SET_CLAUSE.search(text)
    for name, number in _SET.findall(clause[1]) if clause else ():
        kind = types[int(number) - 1]
        yield Role(int(number), kind, "write", root.relation, unquote(name))


def _limits(text: str, types: Sequence[str]) -> Iterator[Role]:
    for word, number in _LIMIT.findall(text):
        use: Use = "offset" if word.lower() == "offset" else "limit"
        yield Role(int(number), types[int(number) - 1], use)


def unquote(name: str) -> str:
    """A name as the catalog has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _one(cursor: psycopg.RawCursor[Any], query: str) -> Any:
    row = cursor.execute(query.encode()).fetchone()
    return row[0] if row else None
