"""A domain for any column: from what statistics know of its values, else from its type alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dbtune.redact.invent import invent
from dbtune.snapshot.catalog import Column, ColumnStatistics
from dbtune.synthesize.build import Counts, common_first, own_pool, own_text, own_whole
from dbtune.synthesize.domain import Domain, Filler, Prefixed
from dbtune.synthesize.family import Family, Text, Whole
from dbtune.synthesize.order import key_of
from dbtune.synthesize.pool import generate, wide_arrays
from dbtune.synthesize.spread import Spread, even
from dbtune.synthesize.values import Known, Session, in_order, read_known, shape_of
from dbtune.synthesize.wide import vectors

POOL_LIMIT = 50_000
"""How many values a column has at most whose type dbtune cannot count in."""

_MODIFIER = re.compile(r"\([^)]*\)")
_POOL_BYTES = 20_000_000
_LEAST = 50

_STARTS = {
    "date": "2024-01-01", "timestamp without time zone": "2024-01-01",
    "timestamp with time zone": "2024-01-01 00:00:00+00", "time without time zone": "08:00:00",
    "uuid": "00000000-0000-4000-8000-000000000000", "oid": "20000",
    "inet": "10.0.0.1", "macaddr": "02:00:00:00:00:01", "interval": "00:00:01",
}  # fmt: skip
_DOCUMENTS = {
    "json": (b'{"key": "', b'"}'), "jsonb": (b'{"key": "', b'"}'), "xml": (b"<a>", b"</a>"),
    "bytea": (b"", b""), "text": (b"", b""), "character varying": (b"", b""),
    "citext": (b"", b""), "name": (b"", b""), "character": (b"", b""),
}  # fmt: skip
_UNIQUE_WIDTH = 13
_PERHAPS = (
    "[1,10)",
    "[10,15)",
    "[2024-01-01,2024-02-01)",
    "[2024-03-01,2024-03-08)",
    "{}",
    "0",
    "",
    "(0,0)",
    "((0,0),(1,1))",
    "0/0",
    "a",
    "1",
    "2024-01-01",
)
"""Texts of which at least one is a value of most types; the server knows which."""


@dataclass(frozen=True, slots=True)
class Invention:
    """Makes domains; the server reads values for it.

    `base_types` maps each domain type to the type below it, `labels` each enum to its labels.
    `redacted`: the known values are themselves invented.
    """

    session: Session
    base_types: Mapping[str, str]
    labels: Mapping[str, Sequence[str]]
    seed: int
    redacted: bool = False

    def known(self, column: Column, texts: Sequence[str]) -> tuple[Known, Family | None]:
        """These values of a column as the server reads them."""
        return read_known(self.session, column.type, self._base(column), texts)

    def own(
        self,
        column: Column,
        statistics: ColumnStatistics | None,
        counts: Counts,
        extra: Sequence[str],
    ) -> tuple[Domain, Spread]:
        """A domain of the column's own with the spread of its rows over it."""
        made = self._own(column, statistics, counts, extra)
        if counts.unique and not counts.must_be and made[1].rows < counts.present:
            return self._own(column, statistics, replace(counts, unique=False), extra)
        return made

    def _own(
        self,
        column: Column,
        statistics: ColumnStatistics | None,
        counts: Counts,
        extra: Sequence[str],
    ) -> tuple[Domain, Spread]:
        base = self._base(column)
        texts = [
            *((statistics.most_common_values if statistics else None) or ()),
            *((statistics.histogram_bounds if statistics else None) or ()),
            *extra,
        ]
        known, family = self.known(column, texts)
        if family is not None and not any(k is not None for k in known.keys):
            known, family = self.known(column, [_STARTS.get(_plain(base), "1")])
            if isinstance(family, Text):
                return self._filler(column, base, statistics, counts)
            extra = known.texts
        if counts.present == 0 or counts.distinct == 0:
            return Filler(0, 1), even(0, 0)
        if family is not None:
            return self._in_family(known, family, statistics, counts, extra)
        if self.redacted and _plain(base) in ("json", "jsonb"):  # a number stands for a document
            return self._filler(column, base, statistics, counts)
        return self._pooled(column, base, statistics, counts, known)

    def _in_family(
        self,
        known: Known,
        family: Family,
        statistics: ColumnStatistics | None,
        counts: Counts,
        extra: Sequence[str],
    ) -> tuple[Domain, Spread]:
        most = max(counts.distinct, 1)
        shape = shape_of(known, statistics, extra, most)
        if not shape.marks:
            shape = shape_of(known, None, known.texts, most)
        if counts.grown > 1.0:
            shape = shape.grown(counts.grown)
        if isinstance(family, Whole):
            return own_whole(shape, family, counts, invented=self.redacted)
        return own_text(shape, family, counts)

    def _filler(
        self, column: Column, base: str, statistics: ColumnStatistics | None, counts: Counts
    ) -> tuple[Domain, Spread]:
        """Strings or documents of which only the width is known."""
        before, after = _DOCUMENTS[_plain(base)]
        width = max(statistics.avg_width - 4 if statistics else 16, 1)
        limit = _limit(base)
        if counts.unique:
            width = max(width, _UNIQUE_WIDTH)
        width = min(width, limit)
        key = key_of(self.seed, column.name)
        distinct = min(counts.distinct, 36**width)
        domain: Domain = Filler(distinct, width, before, after, key)
        if _plain(base) == "jsonb":
            domain = Prefixed(domain, b"\x01")
        if counts.unique:
            return domain, even(distinct, min(counts.present, distinct))
        frequencies = (statistics.most_common_freqs if statistics else None) or ()
        return domain, common_first(frequencies[:distinct], distinct, counts)

    def _pooled(
        self,
        column: Column,
        base: str,
        statistics: ColumnStatistics | None,
        counts: Counts,
        known: Known,
    ) -> tuple[Domain, Spread]:
        width = statistics.avg_width if statistics else 0
        seed = key_of(self.seed, column.name)
        if not known.texts and (wide := vectors(base, width, counts.distinct, seed)):
            return wide, even(wide.size, counts.present)
        wanted = min(counts.distinct, POOL_LIMIT, max(_POOL_BYTES // max(width, 1), _LEAST))
        if len(known.texts) < wanted:
            made = generate(base, statistics, wanted - len(known.texts), seed)
            known, _ = self.known(column, (*known.texts, *made))
        if not known.texts and base.endswith("[]"):
            known, _ = self.known(column, wide_arrays(base, width, wanted))
        if not known.texts and _plain(base) in _DOCUMENTS:
            return self._filler(column, base, statistics, counts)
        if not known.texts or (counts.unique and len(known.texts) < counts.distinct):
            known, _ = self.known(column, (*known.texts, *self._invented(column, base, counts)))
        if not known.texts:
            return Filler(0, 1), even(0, 0)
        if counts.unique:
            present = min(counts.present, len(known.texts))
            counts = replace(counts, present=present, distinct=present)
        return own_pool(in_order(self.session, column.type, known), statistics, counts)

    def _invented(self, column: Column, base: str, counts: Counts) -> Sequence[str]:
        """Values that only the type is known to allow."""
        if column.type in self.labels or base in self.labels:
            return self.labels.get(column.type) or self.labels[base]
        if _plain(base) == "boolean":
            return ("false", "true")
        most = counts.distinct if counts.unique else min(counts.distinct, POOL_LIMIT)
        made = invent(base, [f"{n:012}" for n in range(max(most, 1))])
        return tuple(made.values()) if made else _PERHAPS

    def _base(self, column: Column) -> str:
        return self.base_types.get(column.type, column.type)


def _plain(type_name: str) -> str:
    """A type's name without schema and modifier: timestamp(3) without time zone has it inside."""
    return _MODIFIER.sub("", type_name).rpartition(".")[2]


def _limit(type_name: str) -> int:
    inside = type_name.partition("(")[2].partition(")")[0]
    if inside.isdigit():
        return int(inside)
    return {"name": 63, "character": 1}.get(_plain(type_name), 10**6)
