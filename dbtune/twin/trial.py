"""Sizes of GiST and SP-GiST indexes, tried on a sample of rows.

What such an index keeps of a value, and how full it leaves its pages, is for its operator class
to say. So the twin's server builds it on rows drawn from the columns' statistics, and the pages of
a few thousand rows tell those of all.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

import psycopg

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Column, Relation
from dbtune.twin.drawn import drawn_rows
from dbtune.twin.sample import ColumnSample, Point, sample_of
from dbtune.twin.session import Session
from dbtune.twin.size import IndexSize

# SP-GiST needs two: a tree of few distinct keys has pages for each of them, however many rows.
_ROWS = {"gist": (0, 4_000), "spgist": (3_000, 9_000)}
_TABLE = QualifiedName("pg_temp", "dbtune_trial")
_INDEX = "dbtune_trial_index"
_TEXTS = frozenset({"text", "character varying", "character"})

_COLUMNS = """
SELECT DISTINCT t.attname::text FROM pg_depend d
JOIN pg_attribute t ON t.attrelid = d.refobjid AND t.attnum = d.refobjsubid
JOIN pg_index x ON x.indexrelid = d.objid AND x.indrelid = d.refobjid
WHERE d.classid = 'pg_class'::regclass AND d.objid = %s AND d.refobjsubid > 0
"""


def tried_size(
    superuser: Session,
    owner: Session,
    spec: IndexSpec,
    relation: Relation,
    *,
    oid: int,
    rows: float,
) -> IndexSize | None:
    """Pages of an index on `rows` rows; None where the statistics hold no values to try it on.

    Args:
        superuser: the session that reads the catalog.
        owner: the session that builds; it has no privileges.
        spec: what to build. Its predicate decides nothing but `rows`.
        relation: of the rows.
        oid: of the empty index on the twin, which knows the columns that are needed.
        rows: that the index would have.
    """
    names = [str(row[0]) for row in superuser.execute(_COLUMNS, (oid,))]
    columns = [c for name in names if (c := relation.column(name))]
    tried = replace(spec, relation=_TABLE, predicate=None)
    few, many = (min(n, max(round(rows), 1)) for n in _ROWS[spec.access_method])
    pages = _built(owner, tried, relation, columns, many)
    fewer = _built(owner, tried, relation, columns, few) if 0 < few < many else 1
    if pages is None or fewer is None:
        return None
    each = (pages - fewer) / max(many - few, 1)
    return IndexSize(pages + round(max(rows - many, 0.0) * each))


def _built(
    owner: Session,
    spec: IndexSpec,
    relation: Relation,
    columns: Sequence[Column],
    drawn: int,
) -> int | None:
    """Pages of the index on a sample, of which nothing is left afterwards."""
    samples = [(c, _sample(c, drawn, spec.access_method)) for c in columns]
    sampled = [(c, sample) for c, sample in samples if sample]
    if not sampled or len(sampled) < len(columns):
        return None
    names = ", ".join(quote_identifier(column.name) for column, _ in sampled)
    rows, arrays = drawn_rows(sampled)
    try:
        with owner.transaction(force_rollback=True):
            owner.execute("SET TRANSACTION READ WRITE")
            owner.execute("SET LOCAL statement_timeout = '5s'")
            owner.execute(
                f"CREATE TEMPORARY TABLE {_TABLE.name} AS"
                f" SELECT {names} FROM ONLY {relation.name.sql} LIMIT 0".encode()
            )
            sql = f"INSERT INTO {_TABLE.sql} SELECT {names} FROM ({rows}) AS drawn ORDER BY place"
            owner.execute(sql.encode(), arrays)
            owner.execute(spec.ddl(_INDEX).encode())
            row = owner.execute(
                f"SELECT pg_relation_size('pg_temp.{_INDEX}')"
                " / current_setting('block_size')::int".encode()
            ).fetchone()
    except psycopg.Error:
        return None
    return int(row[0]) if row else None


def _sample(column: Column, rows: int, access_method: str) -> ColumnSample | None:
    statistics = column.statistics_for()
    if statistics and statistics.null_frac >= 1.0:
        return ColumnSample((), (None,) * rows)
    if statistics and statistics.range_bounds_histogram and access_method == "spgist":
        # Both bounds of each stand at one place of their order, as of ranges of like length.
        statistics = replace(statistics, histogram_bounds=statistics.range_bounds_histogram)
    sample = sample_of(statistics, rows, column.name)
    if sample and column.type.partition("(")[0] in _TEXTS:
        chance = random.Random(column.name)
        return replace(sample, points=tuple(_between(p, chance) for p in sample.points))
    return sample


def _between(point: Point, chance: random.Random) -> Point:
    """A text made of two neighbouring bounds, or else few texts would stand for very many.

    It begins as both do, goes on as either does at each place, and is as long as one of them.
    """
    if point.high is None:
        return point
    pairs = zip(point.low, point.high, strict=False)
    begin = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    ends = [text[len(begin) :] for text in (point.low, point.high)]
    length = len(chance.choice(ends))
    made = (chance.choice([e[i] for e in ends if i < len(e)]) for i in range(length))
    return Point(begin + "".join(made))
