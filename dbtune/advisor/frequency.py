"""How common values are: the part of a relation's rows that a constant condition lets in."""

from __future__ import annotations

from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.statement.model import Qual, QualKind


def is_negated(qual: Qual) -> bool:
    """True for `NOT column`, `column IS NOT TRUE` and `column = false`."""
    return "not" in qual.operator.lower() or (qual.value or "").lower() == "false"


def fraction_of(statistics: ColumnStatistics, qual: Qual) -> float | None:
    """The part of the rows that satisfy a constant condition; None: not known, or not constant."""
    nulls = statistics.null_frac
    if qual.kind == "is_null":
        return nulls
    if qual.kind == "is_not_null":
        return 1.0 - nulls
    if qual.kind == "boolean":
        return _common(statistics, "f" if is_negated(qual) else "t")
    if qual.operand != "constant" or qual.value is None:
        return None
    if qual.kind == "in":
        return _fraction_of_list(statistics, qual.value)
    return _fraction_of_value(statistics, qual.value, qual.kind)


def _fraction_of_value(statistics: ColumnStatistics, value: str, kind: QualKind) -> float | None:
    equal = _common(statistics, _plain(value))
    if equal is None and kind == "not_equal" and statistics.n_distinct:
        return 1.0 - statistics.null_frac  # no value is common
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


def frequency_of(statistics: ColumnStatistics, qual: Qual) -> float | None:
    """How common the one value is that a condition asks for, if it is among the common ones."""
    if qual.kind == "boolean":
        return _frequencies(statistics).get("f" if is_negated(qual) else "t")
    if qual.kind == "equal" and qual.operand == "constant" and qual.value is not None:
        return _frequencies(statistics).get(_plain(qual.value))
    return None
