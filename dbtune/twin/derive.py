"""Statistics for a candidate's expressions, which exist nowhere before an ANALYZE.

A sample of the columns is drawn from their statistics, the twin's server computes the expression
on it, and statistics are made of the outcome. Any expression is served alike.
"""

from __future__ import annotations

import psycopg

from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.estimate import KeyFigures, distinct_values, expression_figures
from dbtune.twin.ginkeys import gin_groups, key_kind, lexeme_statistics
from dbtune.twin.model import Session
from dbtune.twin.sample import Outcome, Point, sample_of, statistics_of
from dbtune.twin.size import Group, KeyWidth

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
    (SELECT format_type(t.atttypid, NULL) FROM pg_attribute t
     WHERE t.attrelid = x.indrelid AND t.attnum = nullif(x.indkey[k.n - 1], 0)),
    (SELECT min(t.attname) FROM pg_depend d
     JOIN pg_attribute t ON t.attrelid = d.refobjid AND t.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
       AND d.refobjid = x.indrelid AND d.refobjsubid > 0
       AND x.indkey[k.n - 1] IN (0, d.refobjsubid) HAVING count(DISTINCT t.attnum) = 1)
FROM pg_index x CROSS JOIN generate_series(1, x.indnkeyatts::int) AS k(n)
JOIN pg_opclass o ON o.oid = x.indclass[k.n - 1]
WHERE x.indexrelid = %s ORDER BY k.n
"""
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


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
            statistics = self._statistics(relation, expression, columns, length)
            plain = expression_figures(statistics)
            width = KeyWidth(length, align, plain.width.average_bytes, plain.width.null_frac)
            figures[number] = KeyFigures(width, statistics)
        return figures

    def gin_groups(self, index_oid: int, relation: Relation, rows: float) -> tuple[Group, ...]:
        """The keys of a GIN index, grouped by how many rows have them; empty if unknown."""
        keys = self._superuser.execute(_GIN_KEYS, (index_oid,)).fetchall()
        groups: list[Group] = []
        for value, opclass, type_text, column_name in keys:
            column = relation.column(column_name or "")
            if column is None:
                return ()
            kind = key_kind(opclass, type_text or self._type(relation, value))
            found = gin_groups(self._owner, column, value, kind, rows)
            if not found:
                return ()
            groups += found
        return tuple(groups)

    def _type(self, relation: Relation, expression: str) -> str:
        """The type of an expression, as format_type() writes it."""
        cursor = self._owner.execute(
            f"SELECT {expression} FROM ONLY {relation.name.sql} LIMIT 0".encode()
        )
        code = cursor.description[0].type_code if cursor.description else 0
        ((name,),) = self._superuser.execute("SELECT format_type(%s, NULL)", (code,)).fetchall()
        return str(name)

    def _statistics(
        self, relation: Relation, expression: str, columns: list[str], length: int
    ) -> ColumnStatistics | None:
        key = (relation.name, expression)
        if key not in self._known:
            measured = self._measured(relation, expression)
            self._known[key] = measured or self._derived(relation, expression, columns, length)
        return self._known[key]

    def _measured(self, relation: Relation, expression: str) -> ColumnStatistics | None:
        """What ANALYZE has found for the same expression in an index of the target."""
        indexes = self._snapshot.indexes_by_relation.get(relation.name, ())
        wanted = _bare(expression)
        found = (k for i in indexes for k in i.keys if _bare(k.expression or "") == wanted)
        return next((k.statistics for k in found if k.statistics), None)

    def _derived(
        self, relation: Relation, expression: str, names: list[str], length: int
    ) -> ColumnStatistics | None:
        """None where the columns have no statistics, or the server cannot compute on them."""
        columns = [c for name in names if (c := relation.column(name))]
        samples = [(c, sample_of(c.statistics_for(), c.name)) for c in columns]
        sampled = [(c, points) for c, points in samples if points]
        if len(sampled) < len(columns) or not columns:
            return None
        try:
            outcomes = self._outcomes(relation, expression, sampled, length)
        except psycopg.Error:
            return None
        rows = max(relation.reltuples, 1.0)
        distinct = 1.0
        for column in columns:
            distinct *= distinct_values(column.statistics_for(), rows)
        only = columns[0].statistics_for() if len(columns) == 1 else None
        correlation = only.correlation if only else None
        made = statistics_of(outcomes, rows, min(distinct, rows), correlation)
        if only and self._type(relation, expression) == "tsvector":
            return lexeme_statistics(self._owner, columns[0], expression, made)
        return made

    def _outcomes(
        self,
        relation: Relation,
        expression: str,
        sampled: list[tuple[Column, tuple[Point, ...]]],
        length: int,
    ) -> list[Outcome]:
        arrays: list[object] = []
        values, names = [], []
        for place, (column, points) in enumerate(sampled):
            arrays += [[p.low for p in points], [p.high for p in points]]
            arrays.append([p.fraction for p in points])
            values.append(f"{_value(column, place)} AS {quote_identifier(column.name)}")
            names.append(quote_identifier(column.name))
        parameters = ", ".join(["%s::text[], %s::text[], %s::float8[]"] * len(sampled))
        aliases = ", ".join(f"l{i}, h{i}, f{i}" for i in range(len(sampled)))
        sql = f"""
            SELECT concat_ws(chr(31), {", ".join(names)}), ({expression})::text,
                pg_column_size({expression}), row_number() OVER (ORDER BY {expression}),
                row_number() OVER (ORDER BY {names[0]})
            FROM (SELECT {", ".join(values)} FROM unnest({parameters}) AS points ({aliases}))
                AS {quote_identifier(relation.name.name)}"""
        with self._owner.transaction():
            self._owner.execute("SET LOCAL statement_timeout = '5s'")
            rows = self._owner.execute(sql.encode(), arrays).fetchall()
        # A computed value has a header of four bytes; stored, mostly of one.
        saved = 3.0 if length < 0 else 0.0
        return [
            Outcome(inputs, value, max((size or 0) - saved, 1.0), place, input_place)
            for inputs, value, size, place, input_place in rows
        ]


def _value(column: Column, place: int) -> str:
    """SQL for one sampled value; between two bounds where the type has an in-between."""
    low, high, fraction = f"l{place}", f"h{place}", f"f{place}"
    base = column.type.partition("(")[0]
    kind = column.type
    if kind.startswith("timestamp"):
        between = f"{low}::{kind} + ({high}::{kind} - {low}::{kind}) * {fraction}"
    elif kind == "date":
        between = f"{low}::date + (({high}::date - {low}::date) * {fraction})::int"
    elif base in _NUMBERS:
        between = (
            f"({low}::numeric + ({high}::numeric - {low}::numeric) * {fraction}::numeric)::{kind}"
        )
    else:
        return f"{low}::{kind}"
    return f"CASE WHEN {high} IS NULL THEN {low}::{kind} ELSE {between} END"


def _bare(expression: str) -> str:
    """The expression without the parentheses around it, for comparing two of them."""
    text = expression.strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text
