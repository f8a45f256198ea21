"""Partial B-trees, covering ones too: only the rows that a constant condition lets in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbtune.advisor.candidates.covering import rest_of
from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import is_ordered, key_lists
from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import ColumnStatistics, IndexKey
from dbtune.statement.model import Qual, QualKind

KIND = "btree"

_MAX_FRACTION = 0.5


def propose(demand: Demand) -> Iterator[IndexSpec]:
    rare = [q for q in demand.quals() if q.expression is None and _is_rare(demand, q)]
    choices = [[qual] for qual in rare]
    if len(rare) > 1:
        choices.append(rare)
    for chosen in choices:
        predicate = " AND ".join(sorted(f"({_condition(q)})" for q in chosen))
        rest = tuple(q for q in demand.use.quals if q not in chosen)
        others = replace(demand, use=replace(demand.use, quals=rest))
        for keys in key_lists(others) or ((IndexKey(chosen[0].column),),):
            if is_ordered(demand, keys):
                yield IndexSpec(demand.relation.name, keys, predicate=predicate)
                read = rest_of(demand, keys)
                # The predicate answers for its columns, unless they are read otherwise too.
                unasked = tuple(c for c in read if c not in {q.column for q in chosen})
                for included in dict.fromkeys((unasked, read)):
                    if included:
                        yield IndexSpec(demand.relation.name, keys, included, predicate)


def _condition(qual: Qual) -> str:
    """The condition as SQL, in words from which the planner can prove that it is implied."""
    column = quote_identifier(qual.column)
    if qual.kind == "is_null":
        return f"{column} IS NULL"
    if qual.kind == "is_not_null":
        return f"{column} IS NOT NULL"
    if qual.kind == "boolean":
        return f"NOT {column}" if _is_negated(qual) else column
    if qual.kind == "in":
        return f"{column} IN ({qual.value})"
    return f"{column} {qual.operator} {qual.value}"


def _is_negated(qual: Qual) -> bool:
    return "not" in qual.operator.lower() or (qual.value or "").lower() == "false"


def _is_rare(demand: Demand, qual: Qual) -> bool:
    column = demand.relation.column(qual.column)
    statistics = demand.statistics(column) if column else None
    fraction = _fraction(statistics, qual) if statistics else None
    return fraction is not None and fraction <= _MAX_FRACTION


def _fraction(statistics: ColumnStatistics, qual: Qual) -> float | None:
    """The part of the rows that satisfy a constant condition; None: not known, or not constant."""
    nulls = statistics.null_frac
    if qual.kind == "is_null":
        return nulls
    if qual.kind == "is_not_null":
        return 1.0 - nulls
    if qual.kind == "boolean":
        return _common(statistics, "f" if _is_negated(qual) else "t")
    if qual.operand != "constant" or qual.value is None:
        return None
    if qual.kind == "in":
        return _fraction_of_list(statistics, qual.value)
    return _fraction_of_value(statistics, qual.value, qual.kind)


def _fraction_of_value(statistics: ColumnStatistics, value: str, kind: QualKind) -> float | None:
    equal = _common(statistics, _plain(value))
    if equal is None or kind not in {"equal", "not_equal"}:
        return None
    return equal if kind == "equal" else 1.0 - statistics.null_frac - equal


def _fraction_of_list(statistics: ColumnStatistics, values: str) -> float | None:
    """The part of the rows with one of the values; what is not among the common ones is rare."""
    parts = [_common(statistics, _plain(value)) for value in values.split(",")]
    return None if None in parts else sum(part for part in parts if part is not None)


def _common(statistics: ColumnStatistics, value: str) -> float | None:
    """The frequency of a value; what is not among the common ones is rare."""
    known = _frequencies(statistics)
    if not known:
        return None
    rest = max(0.0, 1.0 - statistics.null_frac - sum(known.values()))
    return known.get(value, rest)


def _frequencies(statistics: ColumnStatistics) -> dict[str, float]:
    """The common values, without the blanks that fill up a character(n), and how common they are.

    A text that ends in blanks of its own counts as its likes: too common is the safe mistake.
    """
    values, freqs = statistics.most_common_values, statistics.most_common_freqs
    known: dict[str, float] = {}
    for value, frequency in zip(values or (), freqs or (), strict=False):
        bare = value.rstrip(" ")
        known[bare] = known.get(bare, 0.0) + frequency
    return known


def _plain(value: str) -> str:
    """A literal's text without quotes and cast, as pg_stats shows it."""
    text = value.split("::", maxsplit=1)[0].strip()
    if text.startswith("'") and text.endswith("'"):
        return text[1:-1].replace("''", "'").rstrip(" ")
    return {"true": "t", "false": "f"}.get(text.lower(), text)
