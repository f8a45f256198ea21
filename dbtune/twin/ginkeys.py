"""How many keys a GIN index would hold and how rows share them, from a column's statistics.

The values that statistics hold (common values, histogram bounds) are a sample of the column. The
twin's server takes their keys out, and those seen once or twice tell how many were not seen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import psycopg

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Column, ColumnStatistics
from dbtune.twin.estimate import distinct_values
from dbtune.twin.outcome import Outcome
from dbtune.twin.session import Session
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
}
SCALAR = "scalar"  # the key is the value itself
_HASHED = frozenset({"jsonb_path_ops", "trgm"})  # keys are integers


@dataclass(frozen=True, slots=True)
class Documents:
    """Values of one column with the share of the rows that each stands for.

    `type` is format_type()'s text, `name` what expressions call the column. The first `common`
    values are all the rows of their share; each other one was drawn from `distinct` of them.
    """

    type: str
    name: str
    weighted: tuple[tuple[str, float], ...]
    common: int = 0
    distinct: float = math.inf


def documents_of(column: Column, rows: float) -> Documents:
    """The values that the statistics of a column of a relation with `rows` rows hold."""
    statistics = column.statistics_for()
    if statistics is None:
        return Documents(column.type, column.name, ())
    common = list(
        zip(statistics.most_common_values or (), statistics.most_common_freqs or (), strict=True)
    )
    bounds = statistics.histogram_bounds or ()
    left = max(1.0 - statistics.null_frac - sum(f for _, f in common), 0.0)
    spread = [(value, left / len(bounds)) for value in bounds]
    weighted = (*common[:_DOCUMENTS], *spread[:_DOCUMENTS])
    distinct = max(distinct_values(statistics, rows) - len(common), len(bounds))
    return Documents(
        column.type, column.name, weighted, common=len(common[:_DOCUMENTS]), distinct=distinct
    )


def computed_documents(type_text: str, outcomes: Sequence[Outcome]) -> Documents:
    """Values that an expression gave; it goes by the name `value`."""
    chosen = outcomes[:: max(len(outcomes) // _DOCUMENTS, 1)]
    values = [o.value for o in chosen if o.value is not None]
    share = 1.0 / max(len(chosen), 1)
    return Documents(type_text, "value", tuple((value, share) for value in values))


def gin_groups(
    owner: Session,
    documents: Documents,
    value: str,
    kind: str,
    *,
    rows: float,
    statistics: ColumnStatistics | None,
) -> tuple[Group, ...]:
    """The keys of one GIN index column, grouped by how many rows have them.

    Args:
        owner: the session that computes; it has no privileges.
        documents: values of the column that `value` is computed from.
        value: SQL of what is indexed: the column, or an expression.
        kind: what takes the keys out, see key_kind().
        rows: rows in the index, nulls included.
        statistics: of the indexed column itself, which may know its elements.

    Returns nothing where nothing is known of the values, or the server cannot compute.
    """
    elements = _elements(statistics) if statistics and kind in {"array", "tsvector"} else {}
    if statistics and elements and not documents.weighted:
        return tuple(_groups_of_elements(elements, statistics, rows, kind))
    shares = _shares(owner, documents, value, kind)
    return tuple(_groups(shares, elements, rows, kind, documents))


def lexeme_statistics(
    owner: Session, documents: Documents, value: str, statistics: ColumnStatistics
) -> ColumnStatistics:
    """`statistics` of a tsvector expression, with its most common lexemes.

    They stand by length and then by bytes, with their frequencies among the rows that are not
    null, followed by the least and greatest of these (ts_typanalyze.c).
    """
    shares = _shares(owner, documents, value, "tsvector")
    found = {k: sum(s.weights) for k, s in shares.items() if len(s.weights) > 1}
    if not found:
        return statistics
    lexemes = sorted(found, key=lambda k: (len(k.encode()), k.encode()))
    present = max(1.0 - statistics.null_frac, *found.values())
    freqs = [found[k] / present for k in lexemes]
    return replace(
        statistics,
        most_common_values=None,
        most_common_freqs=None,
        histogram_bounds=None,
        correlation=None,
        most_common_elems=tuple(lexemes),
        most_common_elem_freqs=(*freqs, min(freqs), max(freqs)),
    )


@dataclass(slots=True)
class _Seen:
    """The weights of the documents that have a key, and whether one of them is common."""

    weights: list[float]
    is_common: bool = False


def _shares(owner: Session, documents: Documents, value: str, kind: str) -> dict[str, _Seen]:
    """The keys in the documents, each with those that have it."""
    extract = _EXTRACT[kind].format(v=value)
    sql = (
        f"SELECT d.place, k.key FROM (SELECT place, v::{documents.type} AS"
        f" {quote_identifier(documents.name)} FROM unnest(%s::text[])"
        f" WITH ORDINALITY AS t (v, place)) AS d"
        f" CROSS JOIN LATERAL (SELECT DISTINCT x::text FROM ({extract}) AS e (x)) AS k (key)"
    )
    shares: dict[str, _Seen] = defaultdict(lambda: _Seen([]))
    try:
        with owner.transaction():
            owner.execute("SET LOCAL statement_timeout = '5s'")
            values = [v for v, _ in documents.weighted]
            found = owner.execute(sql.encode(), (values,)).fetchall()
    except psycopg.Error:
        return shares
    for place, key in found:
        if key is not None:
            shares[key].weights.append(documents.weighted[place - 1][1])
            shares[key].is_common |= place <= documents.common
    return shares


def key_kind(opclass: str, input_type: str) -> str:
    """What takes the keys out of a value under an operator class that takes `input_type`."""
    if "trgm" in opclass:
        return "trgm"
    if input_type == "jsonb":
        return "jsonb_path_ops" if opclass == "jsonb_path_ops" else "jsonb_ops"
    if input_type == "anyarray" or input_type.endswith("[]"):
        return "array"
    bare = input_type.rpartition(".")[2]
    return bare if bare in _EXTRACT else SCALAR


def _elements(statistics: ColumnStatistics) -> dict[str, float]:
    """Most common elements with the share of rows that have them."""
    present = 1.0 - statistics.null_frac
    freqs = statistics.most_common_elem_freqs or ()
    pairs = zip(statistics.most_common_elems or (), freqs, strict=False)
    return {element: freq * present for element, freq in pairs}


def _groups_of_elements(
    elements: Mapping[str, float], statistics: ColumnStatistics, rows: float, kind: str
) -> Iterator[Group]:
    """Keys where only the most common ones are known.

    The others lie between the rarest of these and one row; on average, in the geometric middle.
    A value has as many keys as the statistics say of arrays, or as its width has room for: a
    lexeme takes four bytes, its text and a position of four (tsvector).
    """
    yield from (Group(1.0, share * rows, _key_bytes(key, kind)) for key, share in elements.items())
    width = sum(_key_bytes(key, kind) for key in elements) / len(elements)
    if statistics.elem_count_histogram:
        keys_each = statistics.elem_count_histogram[-1]
    else:
        keys_each = max(statistics.avg_width - 8.0, 0.0) / (8.0 + width)
    left = keys_each * (1.0 - statistics.null_frac) - sum(elements.values())
    if left * rows > 1:
        rows_each = math.sqrt(max(min(elements.values()) * rows, 1.0))
        others = left * rows / rows_each
        yield Group(max(others, 1.0), rows_each, width)


def _groups(
    shares: Mapping[str, _Seen],
    elements: Mapping[str, float],
    rows: float,
    kind: str,
    documents: Documents,
) -> list[Group]:
    groups = [Group(1.0, f * rows, _key_bytes(key, kind)) for key, f in elements.items()]
    lightest = min((weight for _, weight in documents.weighted), default=0.0)
    rare: list[str] = []
    once = postings = 0.0
    for key, seen in shares.items():
        if key in elements:
            continue
        share = sum(seen.weights)
        if seen.is_common or len(seen.weights) > 2 or share > 3 * lightest:
            groups.append(Group(1.0, share * rows, _key_bytes(key, kind)))
        else:
            rare.append(key)
            once += len(seen.weights) == 1
            postings += share * rows
    if rare:
        found = len(rare) + (len(rare) - once)
        # As often as the documents not seen have such keys too
        drawn = max(len(documents.weighted) - documents.common, 1)
        population = min(postings, found * max(documents.distinct / drawn, 1.0))
        # Duj1, as ANALYZE uses it, on the keys that the sample hardly saw
        distinct = found * len(rare) / max(found - once + once * found / population, 1e-9)
        least = 1.0
        if elements:  # what is rarer than the rarest of the most common elements
            least = postings / max(min(elements.values()) * rows, 1.0)
            distinct = math.sqrt(distinct * max(least, 1.0))
        distinct = max(min(distinct, postings), least)
        width = sum(_key_bytes(key, kind) for key in rare) / len(rare)
        groups.append(Group(distinct, max(postings / distinct, 1.0), width))
    return groups


def _key_bytes(key: str, kind: str) -> float:
    return 4.0 if kind in _HASHED else len(key.encode()) + 1.0
