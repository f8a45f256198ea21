"""Write the rows: COPY BINARY in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from psycopg import Connection

from dbtune.identifier import quote_identifier
from dbtune.progress import Progress
from dbtune.snapshot.catalog import Column
from dbtune.synthesize.domain import Domain
from dbtune.synthesize.plan import Filled
from dbtune.synthesize.ragged import (
    COPY_HEADER,
    COPY_TRAILER,
    Encoded,
    Field,
    Ints,
    Ragged,
    copy_block,
)

_BLOCK_BYTES = 8_000_000
_MOST_ROWS = 32_768
_WHOLE_NUMBERS = ("smallint", "integer", "bigint")


def copy_rows(session: Connection[Any], filled: Filled, progress: Progress) -> int:
    """Fill an empty table; returns the rows written."""
    unit = filled.unit
    columns = [c for c in unit.columns if c.name in filled.fills]
    names = ", ".join(quote_identifier(c.name) for c in columns)
    sql = f"COPY {unit.name.sql} ({names}) FROM STDIN (FORMAT binary)"
    with session.cursor() as cursor, cursor.copy(sql.encode()) as copy:
        copy.write(COPY_HEADER)
        for rows in _chunks(filled):
            fields = [_field(c, filled, rows) for c in columns]
            copy.write(copy_block(fields, len(rows)))
            progress.step(len(rows))
        copy.write(COPY_TRAILER)
    return filled.rows


def _chunks(filled: Filled) -> Iterator[Ints]:
    width = sum(_width(c) for c in filled.unit.columns)
    size = max(min(_BLOCK_BYTES // max(width, 1), _MOST_ROWS), 16)
    for start in range(0, filled.rows, size):
        end = min(start + size, filled.rows)
        yield np.arange(start, end) if filled.kept is None else filled.kept[start:end]


def _width(column: Column) -> int:
    known = max((s.avg_width for s in column.statistics), default=32)
    return max(known, column.type_length, 8)


def _field(column: Column, filled: Filled, rows: Ints) -> Field:
    fill = filled.fills[column.name]
    ranks, present = fill.ranks(rows)
    return Field(_encoded(fill.domain, ranks, column), present)


def _encoded(domain: Domain, ranks: Ints, column: Column) -> Encoded:
    if not len(ranks):
        return Ragged.of([])
    values = domain.encode(ranks)
    if column.type in _WHOLE_NUMBERS and not isinstance(values, Ragged):
        return _of_width(values, column.type_length)
    return values


def _of_width(values: Encoded, width: int) -> Encoded:
    """A whole number in as many bytes as the column has: it may refer to one of another type."""
    if isinstance(values, Ragged) or values.shape[1] == width:
        return values
    if values.shape[1] > width:
        return values[:, -width:]
    sign = np.where(values[:, :1] & 0x80, 0xFF, 0).astype(np.uint8)
    return np.hstack([np.repeat(sign, width - values.shape[1], axis=1), values])
