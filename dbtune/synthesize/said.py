"""What the bound of a partition and simple checks say of a column's values.

It counts where no statistics say more, and where redaction has replaced the values that they knew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot

_TOKEN = re.compile(r"'((?:[^']|'')*)'|(MINVALUE|MAXVALUE|NULL)|([-+]?[\d.]+)")
_RANGE = re.compile(r"FROM \((.*)\) TO \((.*)\)\Z", re.DOTALL)
_NAME = r'(?P<name>[a-z_][a-z0-9_]*|"(?:[^"]|"")+")'
_CAST = r"(?:::[\w ]+(?:\(\d+\))?)?"
_IN = re.compile(rf"CHECK \(+{_NAME}\)?{_CAST} = ANY \(+ARRAY\[([^\]]*)\](?:\)::[\w ]+\[\])?\)+\Z")
_LIMIT = re.compile(rf"\(+{_NAME} (>=?|<=?) \(?('(?:[^']|'')*'|[-\d.]+)\)?{_CAST}\)")
_YEAR = timedelta(days=365)
_MANY = 1_000_000
_FLAT_WIDTH = 8
_SOME = -0.5  # about as many values as rows, but not a key


def said_of(relation: Relation, snapshot: Snapshot) -> dict[str, ColumnStatistics]:
    """By column, the values that it may have, as statistics would show them."""
    return dict(_checked(relation, snapshot)) | _bounded(relation, snapshot)


def agreeing(own: ColumnStatistics, said: ColumnStatistics) -> ColumnStatistics:
    """Statistics with values that were replaced, put back among those that are allowed."""
    shown = (*(own.most_common_values or ()), *(own.histogram_bounds or ()))
    has_end = len(said.histogram_bounds or ()) > 1  # then the rows need the room up to there
    if not has_end and all(_is_allowed(text, said) for text in shown):
        return own
    if not said.most_common_values:
        bounds = said.histogram_bounds or ()
        far = None if has_end or not bounds else _moved(bounds[0], _YEAR, _MANY)
        return replace(
            own,
            most_common_values=None,
            most_common_freqs=None,
            histogram_bounds=(*bounds, far) if far else bounds,
        )
    values = said.most_common_values
    known = list(own.most_common_freqs or ())[: len(values)]
    others = len(values) - len(known)
    known += [max(1.0 - own.null_frac - sum(known), 0.0) / others] * others if others else []
    return replace(
        own,
        n_distinct=float(len(known)),
        most_common_values=values[: len(known)],
        most_common_freqs=tuple(known),
        histogram_bounds=None,
    )


def _is_allowed(text: str, said: ColumnStatistics) -> bool:
    if said.most_common_values:
        return text in said.most_common_values
    return _order((said.histogram_bounds or (text,))[0]) <= _order(text)


def _bounded(relation: Relation, snapshot: Snapshot) -> dict[str, ColumnStatistics]:
    """What the bounds of a partition and of those around it say."""
    found: dict[str, ColumnStatistics] = {}
    for parent in relation.parents:
        above = snapshot.relation_by_name.get(parent)
        if above is None or not relation.partition_bound:
            continue
        found |= _bounded(above, snapshot)
        columns = _key_columns(above)
        bound = relation.partition_bound
        said = _beyond(above, snapshot) if bound == "DEFAULT" else _of_bound(bound, len(columns))
        if columns and said:
            found[columns[0]] = said
    return found


def _beyond(parent: Relation, snapshot: Snapshot) -> ColumnStatistics | None:
    """What a default partition holds: values beyond the ranges of the others."""
    siblings = [p.partition_bound or "" for p in snapshot.partitions_by_parent[parent.name]]
    ends = [_tokens(limits[2])[0] for text in siblings if (limits := _RANGE.search(text))]
    known = [end for end in ends if end is not None]
    return _between(max(known, key=_order), None) if known and len(known) == len(ends) else None


def _of_bound(bound: str, columns: int) -> ColumnStatistics | None:
    limits = _RANGE.search(bound)
    if limits:
        low, high = (_tokens(part)[0] for part in limits.groups())
        return _between(low, high if columns > 1 else _before(high))
    values = [t for t in _tokens(bound.partition(" IN ")[2]) if t is not None]
    if values:
        return _among(values)
    return ColumnStatistics(False, 1.0, _FLAT_WIDTH, 0.0) if "NULL" in bound else None


def _tokens(text: str) -> list[str | None]:
    """Literals of a bound; None for MINVALUE, MAXVALUE and NULL."""
    return [
        None if word else number or quoted.replace("''", "'")
        for quoted, word, number in _TOKEN.findall(text)
    ] or [None]


def _checked(relation: Relation, snapshot: Snapshot) -> Iterator[tuple[str, ColumnStatistics]]:
    """Checks that list a column's values, or compare it with constants."""
    names = {quote_identifier(c.name): c.name for c in relation.columns}
    for constraint in snapshot.constraints:
        if constraint.kind != "c" or constraint.relation != relation.name:
            continue
        listed = _IN.match(constraint.definition)
        if listed and listed["name"] in names:
            values = [t for t in _tokens(listed[2]) if t is not None]
            if values:
                yield names[listed["name"]], _among(values)
            continue
        limits = _LIMIT.findall(constraint.definition)
        rest = _LIMIT.sub("", constraint.definition.removeprefix("CHECK "))
        if (
            limits
            and not rest.replace(" AND ", "").strip("() ")
            and len({n for n, *_ in limits}) == 1
        ):
            lows = [_after(v) if o == ">" else v for _, o, v in _plain(limits) if o[0] == ">"]
            highs = [_before(v) if o == "<" else v for _, o, v in _plain(limits) if o[0] == "<"]
            said = _between(lows[0] if lows else None, highs[0] if highs else None)
            if said and limits[0][0] in names:
                yield names[limits[0][0]], said


def _plain(limits: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(name, operator, _tokens(value)[0] or "") for name, operator, value in limits]


def _among(values: list[str]) -> ColumnStatistics:
    even = (1.0 / len(values),) * len(values)
    return ColumnStatistics(False, 0.0, _FLAT_WIDTH, len(values), tuple(values), even)


def _between(low: str | None, high: str | None) -> ColumnStatistics | None:
    if low is None and high is not None:
        low = _moved(high, -_YEAR, -_MANY)
    ends = tuple(end for end in (low, high) if end is not None)
    if low is None or not ends:
        return None
    return ColumnStatistics(False, 0.0, _FLAT_WIDTH, _SOME, histogram_bounds=ends)


def _before(text: str | None) -> str | None:
    """The value just below the end of a range, which lies outside it; None where it is unknown."""
    return None if text is None else _moved(text, timedelta(milliseconds=-1), -1)


def _after(text: str) -> str:
    return _moved(text, timedelta(milliseconds=1), 1) or text


def _moved(text: str, time: timedelta, number: int) -> str | None:
    """A number or a time a little up or down, by a whole step of its last digit."""
    with suppress(InvalidOperation):
        value = Decimal(text)
        step = Decimal(1).scaleb(min(int(value.as_tuple().exponent), 0))
        return str(value + number * step)
    with suppress(ValueError, OverflowError):
        if len(text) == len("2026-01-01"):
            days = max(abs(time), timedelta(days=1)) * (1 if number > 0 else -1)
            return str(date.fromisoformat(text) + days)
    with suppress(ValueError, OverflowError):
        return str(datetime.fromisoformat(text) + time)
    return None


def _order(text: str) -> tuple[Decimal, str]:
    with suppress(InvalidOperation):
        return Decimal(text), ""
    return Decimal(0), text


def _key_columns(relation: Relation) -> list[str]:
    inside = (relation.partition_key or "").partition("(")[2].rpartition(")")[0]
    names = [part.strip().split(" ")[0].strip('"') for part in inside.split(",")]
    return names if all(map(relation.column, names)) else []
