"""Which rows of a table remain, and the keys of those that do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dbtune.synthesize.columns import Filled
from dbtune.synthesize.fill import Fill, lead_of
from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.shelf import Shelf, Sorted, gathered, in_order, spans


def with_value(filled: Filled, column: str) -> Filled:
    """Without the rows that have no value in a column."""

    def present() -> Iterator[tuple[Ints]]:
        for rows in _rows(filled):
            mask = filled.fills[column].ranks(rows)[1]
            yield (rows if mask is None else rows[mask],)

    return _keeping(filled, gathered(1, filled.rows, present()))


def first_of_each(filled: Filled, columns: Sequence[str]) -> Filled:
    """Of rows with equal values in all columns only the first; nulls are never equal."""
    fills = tuple(filled.fills[c] for c in columns)
    again = in_order(gathered(1, filled.rows, _repeated(_numbered(filled, fills))))
    if not again.size:
        return filled

    def others() -> Iterator[tuple[Ints]]:
        passed = 0
        for (start, end), rows in zip(spans(filled.rows), _rows(filled), strict=True):
            here = again.span(0, passed, min(passed + end - start, again.size))
            here = here[: np.searchsorted(here, end)]
            passed += len(here)
            yield (np.delete(rows, here - start),)

    return _keeping(filled, gathered(1, filled.rows, others()))


def key_rows(filled: Filled, columns: Sequence[str], leads: int) -> Sorted:
    """The keys of a table's rows that have no null: a number made of the first `leads` columns,
    by which they are sorted, and the other columns.
    """
    fills = tuple(filled.fills[c] for c in columns)

    def keys() -> Iterator[list[Ints]]:
        for rows in _rows(filled):
            mask = lead_of(fills, rows)[1]
            chunk = rows if mask is None else rows[mask]
            yield [lead_of(fills[:leads], chunk)[0], *(f.ranks(chunk)[0] for f in fills[leads:])]

    return Sorted.of(gathered(1 + len(fills) - leads, filled.rows, keys()))


def _rows(filled: Filled) -> Iterator[Ints]:
    for start, end in spans(filled.rows):
        yield filled.numbers(np.arange(start, end))


def _keeping(filled: Filled, rows: Shelf) -> Filled:
    return filled if rows.size == filled.rows else Filled(filled.unit, filled.fills, rows)


def _numbered(filled: Filled, fills: tuple[Fill, ...]) -> Shelf:
    """A number made of each row's values, and the row's place; sorted, without rows with nulls."""

    def parts() -> Iterator[tuple[Ints, Ints]]:
        for (start, end), rows in zip(spans(filled.rows), _rows(filled), strict=True):
            lead, mask = lead_of(fills, rows)
            places = np.arange(start, end)
            yield lead, places if mask is None else places[mask]

    return in_order(gathered(2, filled.rows, parts()))


def _repeated(numbered: Shelf) -> Iterator[tuple[Ints]]:
    """The places whose number an earlier one has."""
    for start, end in spans(numbered.size):
        before = max(start - 1, 0)
        same = np.diff(numbered.span(0, before, end)) == 0
        yield (numbered.span(1, before + 1, end)[same],)
