"""Values for a statement's parameters, drawn from the statistics of the database it will run on.

Each statement gets a few parameter sets: one of the most common values, some of typical rows, one
of rare values. Columns of one relation come from one row where such a row exists, since values
drawn column by column rarely meet. The same sets serve both sides of a comparison.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from dbtune.bench.roles import Prepared, Role
from dbtune.identifier import QualifiedName

Kind = Literal["common", "typical", "rare", "logged"]
"""Where a parameter set comes from: the statistics' common, typical or rare values, or a log."""

KINDS: tuple[Kind, ...] = ("common", "typical", "typical", "rare")
"""The parameter sets of a statement."""

RANGE_WIDTH: Mapping[Kind, float] = {"common": 0.20, "typical": 0.05, "rare": 0.01}
"""The share of a column's values that a range covers."""

LIMIT = "20"


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """What pg_stats knows of a column's values, as text: the most common, and evenly spread."""

    common: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()


Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Ground:
    """What values are drawn from.

    `rows` are a few whole rows per relation and kind; `unique` the columns per relation that a
    new row must not share with another; `enum_labels` the first label per enum type.
    """

    columns: Mapping[tuple[QualifiedName, str], ColumnValues]
    rows: Mapping[tuple[QualifiedName, Kind], tuple[Row, ...]]
    unique: Mapping[QualifiedName, frozenset[str]]
    enum_labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """The values of one execution, as text that the server casts; `guessed` names the parameters
    for which nothing was known but the type.
    """

    kind: Kind
    values: tuple[str | None, ...]
    guessed: tuple[int, ...] = ()


def draw(prepared: Prepared, ground: Ground, seed: int) -> tuple[ParameterSet, ...]:
    """The parameter sets of a statement; one that takes none has one, without values."""
    if not prepared.roles:
        return (ParameterSet("typical", ()),)
    sets = (_set(prepared, ground, kind, Random(f"{seed}-{n}"), n) for n, kind in enumerate(KINDS))
    return tuple(dict.fromkeys(sets))


def _set(
    prepared: Prepared, ground: Ground, kind: Kind, random: Random, number: int
) -> ParameterSet:
    rows = _chosen_rows(prepared.roles, ground, kind, random)
    fixed = _ranges(prepared.roles, ground, kind, random)
    fixed |= {r.number: LIMIT for r in prepared.roles if r.use == "limit"}
    fixed |= {r.number: "0" for r in prepared.roles if r.use == "offset"}
    fixed |= {r.number: r.constant for r in prepared.roles if r.constant}
    drawn: list[str | None] = []
    guessed = []
    for role in prepared.roles:
        row = rows.get((role.alias, role.relation, role.row), {})
        value = fixed.get(role.number) or _of_column(role, row, ground, random)
        is_null = role.use == "write" and value is None and role.column in row
        if value is None and not is_null:
            value = _of_type(role.type, ground)
            guessed.append(role.number)
        if role.use == "write" and must_be_new(role, prepared, ground):
            value = _fresh(role, f"{number}-{role.number}", value)
        drawn.append(value)
    return ParameterSet(kind, tuple(drawn), tuple(guessed))


def _chosen_rows(
    roles: Sequence[Role], ground: Ground, kind: Kind, random: Random
) -> dict[tuple[str, QualifiedName | None, int], Row]:
    """A row for each use of a relation; those of a VALUES list differ as long as there are more."""
    chosen: dict[tuple[str, QualifiedName | None, int], Row] = {}
    most = max((r.row for r in roles), default=0) + 1
    starts: dict[tuple[str, QualifiedName], int] = {}
    for alias, relation, number in dict.fromkeys((r.alias, r.relation, r.row) for r in roles):
        if relation is None:
            continue
        found = ground.rows.get((relation, kind), ())
        found = found if len(found) >= most else ground.rows.get((relation, "typical"), found)
        if found:
            start = starts.setdefault((alias, relation), random.randrange(len(found)))
            chosen[alias, relation, number] = found[(start + number) % len(found)]
    return chosen


def _of_column(role: Role, row: Row, ground: Ground, random: Random) -> str | None:
    """A value of the column that the parameter meets; None when there is none."""
    if role.relation is None or role.column is None:
        return None
    known = ground.columns.get((role.relation, role.column), ColumnValues())
    others = known.common + known.bounds
    value = row.get(role.column)
    if value is None and not (role.use == "write" and role.column in row):
        value = random.choice(others) if others else None
    if value is None or not (role.use in ("in", "contains") or _fits(value, role.type)):
        return None
    match role.use:
        case "in":
            more = random.sample(others, min(4, len(others)))
            return array_literal(list(dict.fromkeys([value, *more])))
        case "like":
            return f"%{_middle(value)}%"
        case "contains":
            return _contained(value)
        case _:
            return value


def _ranges(roles: Sequence[Role], ground: Ground, kind: Kind, random: Random) -> dict[int, str]:
    """Bounds of ranges: both ends of one column together, so that they enclose something."""
    ends: dict[tuple[str, QualifiedName, str], dict[str, int]] = {}
    for role in roles:
        if role.use in ("low", "high") and role.relation and role.column:
            place = (role.alias, role.relation, role.column)
            ends.setdefault(place, {}).setdefault(role.use, role.number)
    found: dict[int, str] = {}
    for (_, relation, column), numbers in ends.items():
        known = ground.columns.get((relation, column), ColumnValues())
        # Without a histogram every value is a common one; their order is unknown, take any.
        bounds = known.bounds or known.common
        if not bounds or not all(_fits(bounds[0], roles[n - 1].type) for n in numbers.values()):
            continue
        last = len(bounds) - 1
        width = max(1, round(last * RANGE_WIDTH[kind]))
        if "low" in numbers and "high" in numbers:
            start = random.randint(0, max(0, last - width))
            found[numbers["low"]] = bounds[start]
            found[numbers["high"]] = bounds[min(last, start + width)]
        elif "low" in numbers:
            found[numbers["low"]] = bounds[max(0, last - width)]
        else:
            found[numbers["high"]] = bounds[min(last, width)]
    return found


def must_be_new(role: Role, prepared: Prepared, ground: Ground) -> bool:
    """True for a column of a unique key of the row that an INSERT makes, unless it upserts."""
    root = next((n for n in prepared.plan.root.walk() if n.node_type == "ModifyTable"), None)
    if root is None or root.details.get("Operation") != "Insert" or role.relation is None:
        return False
    arbiters = " ".join(root.details.get("Conflict Arbiter Indexes", ()))
    unique = ground.unique.get(role.relation, frozenset())
    return role.column in unique and not arbiters


def _fresh(role: Role, salt: str, value: str | None) -> str | None:
    """A value that no row has yet."""
    if role.type == "uuid":
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"dbtune-{salt}"))
    if role.type in ("text", "character varying", "citext"):
        return f"dbtune-{salt}"
    if role.type in ("integer", "bigint", "smallint", "numeric"):
        top = {"smallint": 32_000, "integer": 2_147_000_000}.get(role.type, 9_007_199_254_000_000)
        return str(top + role.number * 10 + int(salt.split("-", maxsplit=1)[0]))
    return value


_FORMS = {
    "smallint": r"-?\d+\Z", "integer": r"-?\d+\Z", "bigint": r"-?\d+\Z",
    "numeric": r"[-\d]", "real": r"[-\d]", "double": r"[-\d]", "date": r"-?\d+-\d\d-|-?infinity",
    "timestamp": r"-?\d+-\d\d-|-?infinity", "interval": r"-?\d+( |:)|[P@]", "time": r"\d\d:",
    "boolean": r"[tf]", "uuid": r"[\da-f]{8}-",
}  # fmt: skip
"""How values of a type begin."""


def _fits(value: str, type_name: str) -> bool:
    """False if it is no value of the type: of `extract(day FROM at) = $1` the column is no help."""
    form = _FORMS.get(type_name.split("(", maxsplit=1)[0].split(" ", maxsplit=1)[0])
    if form is None or type_name.endswith("[]"):
        return True
    looks_like_a_date = bool(re.match(r"\d{4,}-\d\d-\d\d", value))
    of_dates = type_name.startswith(("date", "timestamp"))
    return bool(re.match(form, value)) and looks_like_a_date <= of_dates


def _of_type(type_name: str, ground: Ground) -> str | None:
    """A harmless value of a type."""
    if type_name.endswith("[]"):
        return "{}"
    if type_name in ground.enum_labels:
        return ground.enum_labels[type_name]
    first = type_name.split("(", maxsplit=1)[0]
    return _HARMLESS.get(first, "dbtune")


_HARMLESS = {
    "boolean": "true", "smallint": "10", "integer": "10", "bigint": "10", "numeric": "10",
    "real": "10", "double precision": "10", "oid": "0", "date": "2026-01-01",
    "timestamp without time zone": "2026-01-01", "timestamp with time zone": "2026-01-01",
    "time without time zone": "12:00", "interval": "7 days", "json": "{}", "jsonb": "{}",
    "uuid": "00000000-0000-4000-8000-000000000000", "inet": "127.0.0.1", "bytea": "",
    "tsquery": "dbtune",
}  # fmt: skip


def array_literal(values: Sequence[str]) -> str:
    """Values as PostgreSQL's text form of an array."""
    quoted = ('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
    return "{" + ",".join(quoted) + "}"


def _middle(value: str) -> str:
    """What somebody might type to find a value: most of it, without LIKE's own characters."""
    inner = value[1:-1] if len(value) > 4 else value
    return inner[:24].replace("\\", "").replace("%", "").replace("_", "")


def _contained(value: str) -> str:
    """Something that a document, array or range contains: one key of an object, or itself."""
    try:
        document = json.loads(value)
    except ValueError:
        return value
    if isinstance(document, dict):
        scalars = {k: v for k, v in document.items() if not isinstance(v, dict | list)}
        return json.dumps(dict(list((scalars or document).items())[:1]))
    if isinstance(document, list):
        return json.dumps(document[:1])
    return value
