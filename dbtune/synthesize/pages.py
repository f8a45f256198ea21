"""Pages as the target has them: how full they are, and how many are all-visible.

A table or index that grew row by row has free space that a fresh one lacks, and pages written since
the last vacuum make index-only scans visit the table. Both decide plans and times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from psycopg import Connection

from dbtune.identifier import QualifiedName
from dbtune.progress import Silent
from dbtune.snapshot.catalog import Index, Relation
from dbtune.synthesize.columns import Filled
from dbtune.synthesize.load import load_rows, row_width
from dbtune.synthesize.shelf import gathered

_PAGE = 8192
_SAMPLE_ROWS = 8192
_SAMPLE_BYTES = 64_000_000
_FEW_PAGES = 8
_NOTABLE = 0.95
_LEAST_FILL = 10  # the server takes no less
_WITH_FILLFACTOR = {"btree": 90, "hash": 75, "gist": 90, "spgist": 80}
_TOUCHED_AT_ONCE = 10_000


@contextmanager
def as_full(session: Connection[Any], filled: Filled) -> Iterator[None]:
    """Rows that are written in this block fill their pages as much as the target's do.

    What a full page holds is measured on a sample of the rows, which loading removes again.
    """
    relation = filled.unit.relation
    own = _fillfactor(relation.options, 100)
    wanted = own
    if relation.kind == "r" and relation.relpages >= _FEW_PAGES and relation.reltuples > 0:
        size = min(_SAMPLE_ROWS, max(_SAMPLE_BYTES // row_width(filled.unit.columns), 1))
        step = max(filled.rows // size, 1)
        every = np.arange(0, filled.rows, step)
        chosen = gathered(1, len(every), iter([(filled.numbers(every),)]))
        sample = replace(filled, kept=chosen)
        if sample.rows:
            load_rows(session, sample, Silent())
            fresh = _pages_with_rows(session, relation.name) / sample.rows
            wanted = _fill(own, fresh, relation.relpages / relation.reltuples)
    if wanted == own:
        yield
        return
    sql = f"ALTER TABLE {relation.name.sql} "
    session.execute(f"{sql} SET (fillfactor = {wanted})".encode())
    yield
    session.execute(f"{sql} {_reset(relation.options)}".encode())


def refill_indexes(session: Connection[Any], indexes: Sequence[Index]) -> None:
    """Build indexes anew, emptier, that are notably larger on the target for their rows."""
    for index in indexes:
        usual = _WITH_FILLFACTOR.get(index.access_method)
        large = index.relpages >= _FEW_PAGES and index.reltuples > 0
        if usual is None or not large or not index.is_valid:
            continue
        row = session.execute(
            "SELECT pg_relation_size(oid), reltuples FROM pg_class "
            "WHERE oid = to_regclass(%s) AND relkind = 'i'",
            (index.name.sql,),
        ).fetchone()
        if row is None or row[1] <= 0 or row[0] < _FEW_PAGES * _PAGE:
            continue
        own = _fillfactor(index.options, usual)
        wanted = _fill(own, row[0] / _PAGE / row[1], index.relpages / index.reltuples)
        if wanted < own:
            sql = f"ALTER INDEX {index.name.sql} "
            session.execute(f"{sql} SET (fillfactor = {wanted})".encode())
            session.execute(f"REINDEX INDEX {index.name.sql}".encode())
            session.execute(f"{sql} {_reset(index.options)}".encode())


def hide_pages(session: Connection[Any], relations: Sequence[Relation]) -> None:
    """Vacuum, then leave as many pages not all-visible as on the target, evenly over each table.

    A deletion that is rolled back leaves its page so, and no dead row. There must be no trigger
    or foreign key yet that would act on it.
    """
    with session.transaction():  # only rows whose commit is on disk become all-visible
        session.execute("SET LOCAL synchronous_commit = on")
        session.execute("SELECT pg_current_xact_id()")
    session.execute("VACUUM (ANALYZE)")
    for relation in relations:
        if relation.kind != "r" or not relation.relpages:
            continue
        visible = min(relation.relallvisible / relation.relpages, 1.0)
        pages = _size(session, relation.name) // _PAGE
        hidden = round((1.0 - visible) * pages)
        chosen = (np.arange(hidden) * pages // max(hidden, 1)).tolist()
        for start in range(0, hidden, _TOUCHED_AT_ONCE):
            places = ",".join(f'"({n},1)"' for n in chosen[start : start + _TOUCHED_AT_ONCE])
            query = f"DELETE FROM ONLY {relation.name.sql} WHERE ctid = ANY ('{{{places}}}')"
            with session.transaction(force_rollback=True):
                session.execute(query.encode())


def _fill(own: int, fresh: float, target: float) -> int:
    """The fillfactor that makes as many pages per row as the target has."""
    ratio = fresh / target
    return own if ratio > _NOTABLE else max(round(own * ratio), _LEAST_FILL)


def _size(session: Connection[Any], name: QualifiedName) -> int:
    row = session.execute("SELECT pg_relation_size(to_regclass(%s))", (name.sql,)).fetchone()
    return int(row[0] or 0) if row else 0


def _pages_with_rows(session: Connection[Any], name: QualifiedName) -> int:
    """The file itself may be longer: COPY extends it by many pages at a time."""
    row = session.execute(
        f"SELECT (max(ctid)::text::point)[0] + 1 FROM {name.sql}".encode()
    ).fetchone()
    return int(row[0]) if row and row[0] else 1


def _fillfactor(options: Sequence[str], usual: int) -> int:
    return next((int(o[11:]) for o in options if o.startswith("fillfactor=")), usual)


def _reset(options: Sequence[str]) -> str:
    own = next((o for o in options if o.startswith("fillfactor=")), None)
    return f"SET ({own})" if own else "RESET (fillfactor)"
