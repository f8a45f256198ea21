"""How wide index tuples are: of each column the mean, and what is over after eight bytes. Pure.

Index tuples are rounded up to eight bytes, which costs as much as a narrow column. pg_stats gives
the mean width without its fraction, so common values and the bounds of the histogram are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dbtune.snapshot.catalog import Column, ColumnStatistics

UNKNOWN_BYTES = 32  # get_typavgwidth() for a type of unknown width
_SHORT_BYTES = 126  # a longer text has a header of four bytes, and may be compressed
_DIGITS = 4  # of a base-10000 digit
_TUPLE_HEADER_BYTES = 8
_ALIGNMENT = {"c": 1, "s": 2, "i": 4, "d": 8}
_ANY = dict.fromkeys(range(8), 1 / 8)


@dataclass(frozen=True, slots=True)
class KeyWidth:
    """Width and spread of one key or included column.

    `length` is pg_type.typlen (-1: variable), `align` its typalign; `average_bytes` as in pg_stats.
    `remainders` tells which part of the values is by so many bytes wider than a multiple of eight;
    None: any is as likely.
    """

    length: int
    align: str
    average_bytes: float
    null_frac: float = 0.0
    remainders: Mapping[int, float] | None = None


def tuple_bytes(widths: Sequence[KeyWidth]) -> float:
    """Average size of an index tuple (index_form_tuple(), itup.h), without its line pointer.

    A variable-length value of ordinary size has a one-byte header and no alignment.
    """
    null_share = 1.0
    size = 0.0
    over = {0: 1.0}  # how probable it is that so much is over after eight bytes
    for width in widths:
        present = 1.0 - width.null_frac
        null_share *= present
        is_aligned = width.length > 0 or width.average_bytes > _SHORT_BYTES
        to = _ALIGNMENT[width.align] if is_aligned else 1
        size += present * sum(share * (-rest % to) for rest, share in over.items())
        size += present * (width.length if width.length > 0 else width.average_bytes)
        behind = {rest: share * width.null_frac for rest, share in over.items() if width.null_frac}
        for rest, share in over.items():
            for more, part in _remainders(width).items():
                at = (rest + -rest % to + more) % 8
                behind[at] = behind.get(at, 0.0) + share * part * present
        over = behind
    # A bitmap of nulls follows the header of a tuple that has any null.
    header = _TUPLE_HEADER_BYTES + 8 * (1.0 - null_share)
    return max(header + size + sum(share * (-rest % 8) for rest, share in over.items()), 16.0)


def _remainders(width: KeyWidth) -> Mapping[int, float]:
    return {width.length % 8: 1.0} if width.length > 0 else width.remainders or _ANY


@lru_cache(maxsize=1024)  # candidates have the same columns again and again
def key_width(column: Column, statistics: ColumnStatistics | None) -> KeyWidth:
    """The width of a column's values in an index."""
    nulls = statistics.null_frac if statistics else 0.0
    told = statistics.avg_width if statistics else UNKNOWN_BYTES
    sample = list(_sample(column, statistics)) if statistics and told <= _SHORT_BYTES else []
    total = sum(share for _, share in sample)
    if not total:
        return KeyWidth(column.type_length, column.type_align, float(told), nulls)
    mean = sum(width * share for width, share in sample) / total
    remainders: dict[int, float] = {}
    for width, share in sample:
        remainders[width % 8] = remainders.get(width % 8, 0.0) + share / total
    average = min(max(mean, float(told)), told + 1.0)
    return KeyWidth(column.type_length, column.type_align, average, nulls, remainders)


def _sample(column: Column, statistics: ColumnStatistics) -> Iterator[tuple[int, float]]:
    """Widths of values, each with the part of the rows that it stands for; none if not known."""
    name = column.type.partition("(")[0]
    if name == "character":
        yield statistics.avg_width, 1.0  # filled up with blanks
    if (measure := _MEASURES.get(name)) is None:
        return
    common = statistics.most_common_freqs or ()
    for value, share in zip(statistics.most_common_values or (), common, strict=False):
        yield measure(value), share
    bounds = statistics.histogram_bounds or ()
    others = max(1.0 - statistics.null_frac - sum(common), 0.0)
    for value in bounds:
        yield measure(value), others / len(bounds)


def _text_bytes(value: str) -> int:
    """A text behind a header of one byte, or of four (varatt.h)."""
    size = len(value.encode())
    return size + (1 if size <= _SHORT_BYTES else 4)


def _numeric_bytes(value: str) -> int:
    """A numeric in its short form: two headers, and two bytes for every four digits (numeric.c)."""
    whole, _, fraction = value.lstrip("-").partition(".")
    whole = whole.rjust(-(-len(whole) // _DIGITS) * _DIGITS, "0")
    fraction = fraction.ljust(-(-len(fraction) // _DIGITS) * _DIGITS, "0")
    groups = [(whole + fraction)[n : n + _DIGITS] for n in range(0, len(whole + fraction), _DIGITS)]
    kept = [n for n, group in enumerate(groups) if group.strip("0")]
    return 3 + 2 * (kept[-1] - kept[0] + 1 if kept else 0)


_MEASURES = {
    "text": _text_bytes,
    "character varying": _text_bytes,
    "citext": _text_bytes,
    "numeric": _numeric_bytes,
}
