"""Statistics for a candidate's expressions, which exist nowhere before an ANALYZE.

A sample of the columns is drawn from their statistics, the twin's server computes the expression
on it, and statistics are made of the outcome. Any expression is served alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import psycopg

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.drawn import computed_rows, is_sharp
from dbtune.twin.estimate import (
    KeyFigures,
    column_figures,
    distinct_values,
    expression_figures,
    key_groups,
)
from dbtune.twin.ginkeys import (
    SCALAR,
    Documents,
    computed_documents,
    documents_of,
    gin_groups,
    key_kind,
    lexeme_statistics,
)
from dbtune.twin.outcome import Outcome, statistics_of
from dbtune.twin.sample import sample_of
from dbtune.twin.session import Session
from dbtune.twin.size import Group
from dbtune.twin.width import KeyWidth

_EXPRESSIONS = """
SELECT a.attnum, pg_get_indexdef(x.indexrelid, a.attnum, false), a.attlen, a.attalign::text,
    ARRAY(SELECT DISTINCT t.attname::text FROM pg_depend d
          JOIN pg_attribute t ON t.attrelid = d.refobjid AND t.attnum = d.refobjsubid
          WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
            AND d.refobjid = x.indrelid AND d.refobjsubid > 0)
FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indexrelid AND a.attnum <= x.indnkeyatts
WHERE x.indexrelid = %s AND x.indkey[a.attnum - 1] = 0 ORDER BY a.attnum
"""
_GIN_KEYS = """
SELECT pg_get_indexdef(x.indexrelid, k.n, false), o.opcname::text,
    format_type(o.opcintype, NULL), x.indkey[k.n - 1] <> 0,
    ARRAY(SELECT DISTINCT t.attname::text FROM pg_depend d
          JOIN pg_attribute t ON t.attrelid = d.refobjid AND t.attnum = d.refobjsubid
          WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
            AND d.refobjid = x.indrelid AND d.refobjsubid > 0
            AND x.indkey[k.n - 1] IN (0, d.refobjsubid))
FROM pg_index x CROSS JOIN generate_series(1, x.indnkeyatts::int) AS k(n)
JOIN pg_opclass o ON o.oid = x.indclass[k.n - 1]
WHERE x.indexrelid = %s ORDER BY k.n
"""
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_SHARP_ROWS = 10_000
_BLUNT_ROWS = 2_000
_LONG_HEADER_BYTES = 3  # more than a stored short value has


class Deriver:
    """Derives statistics of expressions, each once; `owner` computes, it has no privileges."""

    def __init__(self, superuser: Session, owner: Session, snapshot: Snapshot) -> None:
        self._superuser = superuser
        self._owner = owner
        self._snapshot = snapshot
        self._known: dict[tuple[QualifiedName, str], ColumnStatistics | None] = {}

    def figures(self, index_oid: int, relation: Relation) -> dict[int, KeyFigures]:
        """Figures of an index's expressions, by their place among the keys (from 1)."""
        rows = self._superuser.execute(_EXPRESSIONS, (index_oid,)).fetchall()
        figures = {}
        for number, expression, length, align, columns in rows:
            statistics = self._statistics(relation, expression, columns)
            plain = expression_figures(statistics)
            # ANALYZE counts an expression's values as computed, with a header of four bytes.
            average = plain.width.average_bytes - (_LONG_HEADER_BYTES if length < 0 else 0)
            width = KeyWidth(length, align, max(average, 1.0), plain.width.null_frac)
            figures[number] = KeyFigures(width, statistics)
        return figures

    def gin_groups(self, index_oid: int, relation: Relation, rows: float) -> tuple[Group, ...]:
        """The keys of a GIN index, grouped by how many rows have them; empty if unknown."""
        keys = self._superuser.execute(_GIN_KEYS, (index_oid,)).fetchall()
        groups: list[Group] = []
        for value, opclass, input_type, is_column, names in keys:
            columns = [c for name in names if (c := relation.column(name))]
            if not columns:
                return ()
            kind = key_kind(opclass, input_type)
            found = (
                _scalar_groups(columns[0], rows)
                if kind == SCALAR
                else self._groups(relation, value, columns, kind, rows, is_column=is_column)
            )
            if not found:
                return ()
            groups += found
        return tuple(groups)

    def _groups(
        self,
        relation: Relation,
        value: str,
        columns: Sequence[Column],
        kind: str,
        rows: float,
        *,
        is_column: bool,
    ) -> tuple[Group, ...]:
        own = columns[0].statistics_for() if is_column else None
        if len(columns) == 1:
            return gin_groups(
                self._owner,
                documents_of(columns[0], relation.reltuples),
                value,
                kind,
                rows=rows,
                statistics=own,
            )
        documents = self._documents(relation, value, columns)
        return gin_groups(self._owner, documents, documents.name, kind, rows=rows, statistics=own)

    def _documents(
        self, relation: Relation, expression: str, columns: Sequence[Column]
    ) -> Documents:
        """Values of an expression of several columns."""
        outcomes = self._outcomes(relation, expression, columns) or []
        return computed_documents(self._type(relation, expression), outcomes)

    def _type(self, relation: Relation, expression: str) -> str:
        """The type of an expression, as format_type() writes it."""
        cursor = self._owner.execute(
            f"SELECT {expression} FROM ONLY {relation.name.sql} LIMIT 0".encode()
        )
        code = cursor.description[0].type_code if cursor.description else 0
        ((name,),) = self._superuser.execute("SELECT format_type(%s, NULL)", (code,)).fetchall()
        return str(name)

    def _statistics(
        self, relation: Relation, expression: str, columns: list[str]
    ) -> ColumnStatistics | None:
        key = (relation.name, expression)
        if key not in self._known:
            measured = self._measured(relation, expression)
            self._known[key] = measured or self._derived(relation, expression, columns)
        return self._known[key]

    def _measured(self, relation: Relation, expression: str) -> ColumnStatistics | None:
        """What ANALYZE has found for the same expression in an index of the target."""
        indexes = self._snapshot.indexes_by_relation.get(relation.name, ())
        wanted = _bare(expression)
        found = (k for i in indexes for k in i.keys if _bare(k.expression or "") == wanted)
        return next((k.statistics for k in found if k.statistics), None)

    def _derived(
        self, relation: Relation, expression: str, names: list[str]
    ) -> ColumnStatistics | None:
        """None where the columns have no statistics, or the server cannot compute on them."""
        columns = [c for name in names if (c := relation.column(name))]
        outcomes = self._outcomes(relation, expression, columns) if columns else None
        if outcomes is None:
            return None
        rows = max(relation.reltuples, 1.0)
        distinct = math.prod(distinct_values(c.statistics_for(), rows) for c in columns)
        sharp = all(map(is_sharp, columns))
        made = statistics_of(outcomes, rows, min(distinct, rows), is_sharp=sharp)
        type_text = self._type(relation, expression)
        if type_text != "tsvector":
            return made
        if len(columns) == 1:
            documents = documents_of(columns[0], rows)
            return lexeme_statistics(self._owner, documents, expression, made)
        documents = computed_documents(type_text, outcomes)
        return lexeme_statistics(self._owner, documents, documents.name, made)

    def _outcomes(
        self, relation: Relation, expression: str, columns: Sequence[Column]
    ) -> list[Outcome] | None:
        """What an expression makes of a sample of its columns, None if there is none."""
        size = _SHARP_ROWS if all(map(is_sharp, columns)) else _BLUNT_ROWS
        samples = [(c, sample_of(c.statistics_for(), size, c.name)) for c in columns]
        sampled = [(c, sample) for c, sample in samples if sample]
        if len(sampled) < len(columns):
            return None
        sql, arrays = computed_rows(relation, expression, sampled)
        try:
            with self._owner.transaction():
                self._owner.execute("SET LOCAL statement_timeout = '5s'")
                rows = self._owner.execute(sql.encode(), arrays).fetchall()
        except psycopg.Error:
            return None
        return [
            Outcome(inputs, value, size_bytes or 0, rank, position)
            for inputs, value, size_bytes, rank, position in rows
        ]


def _scalar_groups(column: Column, rows: float) -> tuple[Group, ...]:
    """The keys of an operator class of btree_gin: a column's values."""
    figures = column_figures(column)
    width = figures.width
    size = width.length if width.length > 0 else width.average_bytes
    return tuple(Group(g.groups, g.rows, size) for g in key_groups([figures], rows))


def _bare(expression: str) -> str:
    """The expression without the parentheses around it, for comparing two of them."""
    text = expression.strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text
