"""Write the rows: COPY BINARY in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from psycopg import Connection

from dbtune.identifier import quote_identifier
from dbtune.progress import Progress
from dbtune.snapshot.catalog import Column
from dbtune.synthesize.columns import Filled
from dbtune.synthesize.domain import Domain
from dbtune.synthesize.ragged import (
    COPY_HEADER,
    COPY_TRAILER,
    Encoded,
    Field,
    Ints,
    Ragged,
    copy_block,
)
from dbtune.synthesize.refused import refusal

_BLOCK_BYTES = 8_000_000
_MOST_ROWS = 32_768
_WHOLE_NUMBERS = ("smallint", "integer", "bigint")


@dataclass(frozen=True, slots=True)
class Block:
    """Rows in the form that COPY takes."""

    rows: int
    content: memoryview


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows that are in a table, and what is not as planned: each a sentence."""

    rows: int
    notes: tuple[str, ...]


def load_rows(session: Connection[Any], filled: Filled, progress: Progress) -> Loaded:
    """Fill an empty table as far as the server takes the rows.

    A column whose values it refuses stays null, and rows that a partition's bound refuses are left
    out: each time the table is filled anew.

    Raises:
        psycopg.Error: the connection is lost, the disk is full.
    """
    if not filled.rows:
        return Loaded(0, ())
    columns = [c for c in filled.unit.columns if c.name in filled.fills]
    notes: list[str] = []
    bound = ""
    while True:
        try:
            with session.transaction():
                rows = _copy(session, filled, columns, bound, progress)
        except psycopg.Error as error:
            words = refusal(error, session)
            refused = _blamed(error, columns) or _unreadable(session, filled, columns, error)
            if isinstance(error, psycopg.errors.CheckViolation) and not bound:
                bound = _bound(session, filled)
                if bound:
                    continue
            if refused is None or refused.not_null:
                return Loaded(0, (*notes, f"the server refused them: {words}"))
            columns.remove(refused)
            notes.append(f"{refused.name} is null in all of them: {words}")
        else:
            if rows < filled.rows:
                notes.append(f"{filled.rows - rows} of {filled.rows} left out: outside the bound")
            return Loaded(rows, tuple(notes))


def _copy(
    session: Connection[Any],
    filled: Filled,
    columns: Sequence[Column],
    bound: str,
    progress: Progress,
) -> int:
    """COPY into a table that this transaction emptied: so its rows are frozen, and no WAL written.

    The next block is made while the server takes one.
    """
    unit = filled.unit
    names = ", ".join(quote_identifier(c.name) for c in columns)
    is_table = unit.relation.kind != "p"
    freeze = ", FREEZE" if is_table else ""
    where = f" WHERE {bound}" if bound else ""
    into = f"{unit.name.sql} ({names})" if columns else unit.name.sql
    sql = f"COPY {into} FROM STDIN (FORMAT binary{freeze}){where}"
    session.execute(f"TRUNCATE {'ONLY ' if is_table else ''}{unit.name.sql}".encode())
    with session.cursor() as cursor:
        with ThreadPoolExecutor(1, "dbtune-rows") as maker, cursor.copy(sql.encode()) as copy:
            copy.write(COPY_HEADER)
            under_way: Future[Block] | None = None
            for rows in _chunks(filled):
                following = maker.submit(_block, columns, filled, rows)
                if under_way:
                    _send(copy, under_way.result(), progress)
                under_way = following
            if under_way:
                _send(copy, under_way.result(), progress)
            copy.write(COPY_TRAILER)
        return cursor.rowcount


def _block(columns: Sequence[Column], filled: Filled, rows: Ints) -> Block:
    fields = [_field(c, filled, rows) for c in columns]
    return Block(len(rows), copy_block(fields, len(rows)))


def _send(copy: psycopg.Copy, block: Block, progress: Progress) -> None:
    copy.write(block.content)
    progress.step(block.rows)


def _blamed(error: psycopg.Error, columns: Sequence[Column]) -> Column | None:
    """The column whose value the server could not take."""
    context = (error.diag.context or "").partition("\n")[0]
    return next((c for c in columns if context.endswith(f", column {c.name}")), None)


def _unreadable(
    session: Connection[Any], filled: Filled, columns: Sequence[Column], error: psycopg.Error
) -> Column | None:
    """The first column whose type has no binary form, made text, if the error is about that."""
    if not isinstance(error, psycopg.errors.UndefinedFunction):
        return None
    query = """
        SELECT a.attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass(%s) AND t.typreceive = 0"""
    found = {name for (name,) in session.execute(query, (filled.unit.name.sql,))}
    refused = next((c for c in columns if c.name in found), None)
    if refused:  # COPY BINARY asks for a reader of every column, named or not
        name = quote_identifier(refused.name)
        sql = f"ALTER TABLE {filled.unit.name.sql} ALTER COLUMN {name} TYPE text USING NULL"
        session.execute(sql.encode())
    return refused


def _bound(session: Connection[Any], filled: Filled) -> str:
    """What a partition's rows must fulfil, as COPY can check it.

    COPY … WHERE of PostgreSQL 18 fails on NOT ("cache lookup failed for function 0").
    """
    query = "SELECT pg_get_partition_constraintdef(to_regclass(%s))"
    row = session.execute(query, (filled.unit.name.sql,)).fetchone()
    return str(row[0]).replace("NOT (", "0 = pg_catalog.int4(") if row and row[0] else ""


def row_width(columns: Sequence[Column]) -> int:
    """About how many bytes a row takes; at least 1."""
    return sum(map(_width, columns)) or 1


def _chunks(filled: Filled) -> Iterator[Ints]:
    size = max(min(_BLOCK_BYTES // row_width(filled.unit.columns), _MOST_ROWS), 1)
    for start in range(0, filled.rows, size):
        end = min(start + size, filled.rows)
        yield filled.numbers(np.arange(start, end))


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
