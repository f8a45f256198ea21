"""How many keys a GIN index would hold and how rows share them, from a column's statistics.

The values that statistics hold (common values, histogram bounds) are a sample of the column. The
twin's server takes their keys out, and those seen once or twice tell how many were not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import psycopg

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Column, ColumnStatistics
from dbtune.twin.model import Session
from dbtune.twin.size import Group

_DOCUMENTS = 200
_SCALAR = '@.type() != "object" && @.type() != "array"'
_MEMBERS = "jsonb_path_query({v}, '$.** ? (@.type() == \"object\").keyvalue()') AS m"
_LEAVES = f"SELECT jsonb_path_query({{v}}, '$.** ? ({_SCALAR})')::text"

_EXTRACT = {
    "jsonb_path_ops": f"SELECT concat(m ->> 'key', chr(31), m ->> 'value') FROM {_MEMBERS}"
    " WHERE jsonb_typeof(m -> 'value') NOT IN ('object', 'array')",
    "jsonb_ops": f"SELECT 'K' || (m ->> 'key') FROM {_MEMBERS} UNION {_LEAVES}",
    "trgm": "SELECT unnest(show_trgm({v}))",
    "tsvector": "SELECT unnest(tsvector_to_array({v}))",
    "array": "SELECT unnest({v})::text",
    "hstore": "SELECT unnest(akeys({v}) || avals({v}))",
    "scalar": "SELECT {v}::text",
}
_HASHED = frozenset({"jsonb_path_ops", "trgm"})  # keys are integers


def gin_groups(
    owner: Session, column: Column, value: str, kind: str, rows: float
) -> tuple[Group, ...]:
    """The keys of one GIN index column, grouped by how many rows have them.

    Args:
        owner: the session that computes; it has no privileges.
        column: the only column that `value` is computed from.
        value: SQL of what is indexed: the column, or an expression.
        kind: what takes the keys out, see key_kind().
        rows: rows in the index, nulls included.

    Returns nothing where the column has no statistics, or the server cannot compute.
    """
    statistics = column.statistics_for()
    if statistics is None:
        return ()
    documents = _documents(statistics)
    shares = _shares(owner, column, value, kind, documents)
    elements = _elements(statistics) if kind == "array" else {}
    lightest = min((weight for _, weight in documents), default=0.0)
    return tuple(_groups(shares, elements, rows, kind, lightest))


def lexeme_statistics(
    owner: Session, column: Column, value: str, statistics: ColumnStatistics
) -> ColumnStatistics:
    """`statistics` of a tsvector expression, with its most common lexemes.

    They stand by length and then by bytes, followed by the least and greatest frequency
    (ts_typanalyze.c).
    """
    own = column.statistics_for()
    shares = _shares(owner, column, value, "tsvector", _documents(own) if own else [])
    found = {k: sum(weights) for k, weights in shares.items() if len(weights) > 1}
    if not found:
        return statistics
    lexemes = sorted(found, key=lambda k: (len(k.encode()), k.encode()))
    freqs = [found[k] for k in lexemes]
    return replace(
        statistics,
        most_common_elems=tuple(lexemes),
        most_common_elem_freqs=(*freqs, min(freqs), max(freqs)),
    )


def _shares(
    owner: Session,
    column: Column,
    value: str,
    kind: str,
    documents: Sequence[tuple[str, float]],
) -> dict[str, list[float]]:
    """The keys in the documents, each with the weights of those that have it."""
    extract = _EXTRACT[kind].format(v=value)
    sql = (
        f"SELECT d.place, k.key FROM (SELECT place, v::{column.type} AS"
        f" {quote_identifier(column.name)} FROM unnest(%s::text[])"
        f" WITH ORDINALITY AS t (v, place)) AS d"
        f" CROSS JOIN LATERAL (SELECT DISTINCT x::text FROM ({extract}) AS e (x)) AS k (key)"
    )
    shares: dict[str, list[float]] = defaultdict(list)
    try:
        with owner.transaction():
            owner.execute("SET LOCAL statement_timeout = '5s'")
            found = owner.execute(sql.encode(), ([v for v, _ in documents],)).fetchall()
    except psycopg.Error:
        return shares
    for place, key in found:
        if key is not None:
            shares[key].append(documents[place - 1][1])
    return shares


def key_kind(opclass: str | None, type_text: str) -> str:
    """What takes the keys out of a value under an operator class of a type."""
    name = (opclass or "").rpartition(".")[2].partition(" ")[0].strip('"')
    if "trgm" in name:
        return "trgm"
    if type_text == "jsonb":
        return "jsonb_path_ops" if name == "jsonb_path_ops" else "jsonb_ops"
    if type_text.endswith("[]"):
        return "array"
    bare = type_text.rpartition(".")[2]
    return bare if bare in _EXTRACT else "scalar"


def _documents(statistics: ColumnStatistics) -> list[tuple[str, float]]:
    """Values of the column with the share of the rows that each stands for."""
    common = list(
        zip(statistics.most_common_values or (), statistics.most_common_freqs or (), strict=True)
    )
    bounds = statistics.histogram_bounds or ()
    left = max(1.0 - statistics.null_frac - sum(f for _, f in common), 0.0)
    spread = [(value, left / len(bounds)) for value in bounds]
    return common[:_DOCUMENTS] + spread[:_DOCUMENTS]


def _elements(statistics: ColumnStatistics) -> Mapping[str, float]:
    """Most common elements with the share of rows that have them."""
    freqs = statistics.most_common_elem_freqs or ()
    return dict(zip(statistics.most_common_elems or (), freqs, strict=False))


def _groups(
    shares: Mapping[str, Sequence[float]],
    elements: Mapping[str, float],
    rows: float,
    kind: str,
    lightest: float,
) -> list[Group]:
    groups = [Group(1.0, f * rows, _key_bytes(key, kind)) for key, f in elements.items()]
    rare: list[str] = []
    once = postings = 0.0
    for key, weights in shares.items():
        if key in elements:
            continue
        share = sum(weights)
        if len(weights) > 2 or share > 3 * lightest:
            groups.append(Group(1.0, share * rows, _key_bytes(key, kind)))
        else:
            rare.append(key)
            once += len(weights) == 1
            postings += share * rows
    if rare:
        seen = len(rare) + (len(rare) - once)
        # Duj1, as ANALYZE uses it, on the keys that the sample hardly saw
        distinct = seen * len(rare) / max(seen - once + once * seen / max(postings, seen), 1e-9)
        distinct = max(min(distinct, postings), 1.0)
        width = sum(_key_bytes(key, kind) for key in rare) / len(rare)
        groups.append(Group(distinct, max(postings / distinct, 1.0), width))
    return groups


def _key_bytes(key: str, kind: str) -> float:
    return 4.0 if kind in _HASHED else len(key.encode()) + 1.0
