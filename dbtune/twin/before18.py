"""Statistics written straight into the catalog, for servers that have no functions to restore them.

PostgreSQL has such functions from 18 on. Before, rows of pg_statistic are made as ANALYZE makes
them (analyze.c, array_typanalyze.c, ts_typanalyze.c): the kind, operator, collation, numbers and
values of up to five slots. Values go through array_in(), whose result only a catalog can hold.
"""

from __future__ import annotations

RESTORE_RELATIONS = """
WITH made AS (
    UPDATE pg_class c
    SET relpages = s.relpages, reltuples = s.reltuples, relallvisible = s.relallvisible
    FROM pg_temp.relation_statistics s JOIN pg_namespace n ON n.nspname = s.schema
    WHERE c.relname = s.name AND c.relnamespace = n.oid
        AND c.relkind IN ('r', 'p', 'm', 'f', 'i', 'I')
    RETURNING s.schema, s.name)
SELECT schema, name, %(version)s::int > 0 FROM made
"""

# The operators of a type are those of its default operator class, its own or that of a type to
# which it is as good as equal (varchar: text; any array: anyarray), B-tree before hash.
_OPERATORS = """
LEFT JOIN LATERAL (
    SELECT eq.amopopr AS eq, lt.amopopr AS lt
    FROM pg_opclass o
    JOIN pg_amop eq ON eq.amopfamily = o.opcfamily AND eq.amoplefttype = o.opcintype
        AND eq.amoprighttype = o.opcintype
        AND eq.amopstrategy = CASE o.opcmethod WHEN 403 THEN 3 ELSE 1 END
    LEFT JOIN pg_amop lt ON lt.amopfamily = o.opcfamily AND lt.amoplefttype = o.opcintype
        AND lt.amoprighttype = o.opcintype AND lt.amopstrategy = 1 AND o.opcmethod = 403
    JOIN pg_type own ON own.oid = {type}
    JOIN pg_type taken ON taken.oid = o.opcintype
    WHERE o.opcmethod IN (403, 405) AND o.opcdefault
        AND (o.opcintype = own.oid
            OR o.opcintype = CASE WHEN own.typcategory = 'A' THEN 'anyarray'::regtype
                WHEN own.typtype = 'e' THEN 'anyenum'::regtype
                WHEN own.typtype = 'r' THEN 'anyrange'::regtype
                WHEN own.typtype = 'm' THEN 'anymultirange'::regtype
                WHEN own.typtype = 'c' THEN 'record'::regtype END
            OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = own.oid
                AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i'))
    ORDER BY o.opcmethod, o.opcintype = own.oid DESC, taken.typtype = 'p' DESC,
        taken.typispreferred DESC, o.oid
    LIMIT 1) AS {name} ON true
"""

RESTORE_COLUMNS = f"""
WITH made AS (
    INSERT INTO pg_statistic
    SELECT c.oid, a.attnum, s.inherited, s.null_frac, s.avg_width, s.n_distinct,
        CASE WHEN s.most_common_vals IS NOT NULL THEN 1
             WHEN s.range_length_histogram IS NOT NULL THEN 6 ELSE 0 END,
        CASE WHEN s.histogram_bounds IS NOT NULL THEN 2
             WHEN s.range_bounds_histogram IS NOT NULL THEN 7 ELSE 0 END,
        CASE WHEN s.correlation IS NOT NULL THEN 3 ELSE 0 END,
        CASE WHEN s.most_common_elems IS NOT NULL THEN 4 ELSE 0 END,
        CASE WHEN s.elem_count_histogram IS NOT NULL THEN 5 ELSE 0 END,
        CASE WHEN s.most_common_vals IS NOT NULL THEN coalesce(op.eq, 0)
             WHEN s.range_length_histogram IS NOT NULL THEN 672 ELSE 0 END,
        CASE WHEN s.histogram_bounds IS NOT NULL THEN coalesce(op.lt, 0) ELSE 0 END,
        CASE WHEN s.correlation IS NOT NULL THEN coalesce(op.lt, 0) ELSE 0 END,
        CASE WHEN s.most_common_elems IS NOT NULL THEN coalesce(elem_op.eq, 0) ELSE 0 END,
        CASE WHEN s.elem_count_histogram IS NOT NULL THEN coalesce(elem_op.eq, 0) ELSE 0 END,
        CASE WHEN s.most_common_vals IS NOT NULL THEN a.attcollation ELSE 0 END,
        CASE WHEN s.histogram_bounds IS NOT NULL THEN a.attcollation ELSE 0 END,
        CASE WHEN s.correlation IS NOT NULL THEN a.attcollation ELSE 0 END,
        CASE WHEN s.most_common_elems IS NULL THEN 0
             WHEN t.base = 'tsvector'::regtype THEN 100 ELSE a.attcollation END,
        CASE WHEN s.elem_count_histogram IS NOT NULL THEN a.attcollation ELSE 0 END,
        CASE WHEN s.range_length_histogram IS NOT NULL THEN ARRAY[s.range_empty_frac]
             ELSE s.most_common_freqs END,
        NULL, CASE WHEN s.correlation IS NOT NULL THEN ARRAY[s.correlation] END,
        s.most_common_elem_freqs, s.elem_count_histogram,
        CASE WHEN s.most_common_vals IS NOT NULL
             THEN array_in(s.most_common_vals::cstring, a.atttypid, a.atttypmod)
             ELSE array_in(s.range_length_histogram::cstring, 'float8'::regtype, -1) END,
        CASE WHEN s.histogram_bounds IS NOT NULL
             THEN array_in(s.histogram_bounds::cstring, a.atttypid, a.atttypmod)
             ELSE array_in(s.range_bounds_histogram::cstring, t.base, -1) END,
        NULL, array_in(s.most_common_elems::cstring, t.element, -1), NULL
    FROM pg_temp.column_statistics s
    JOIN pg_namespace n ON n.nspname = s.schema
    JOIN pg_class c ON c.relname = s.name AND c.relnamespace = n.oid
    JOIN pg_attribute a ON a.attrelid = c.oid AND (a.attname = s.attribute OR a.attnum = s.number)
        AND NOT a.attisdropped
    CROSS JOIN LATERAL (
        SELECT b.oid AS base,
            CASE WHEN b.oid = 'tsvector'::regtype THEN 'text'::regtype ELSE b.typelem END AS element
        FROM pg_type d JOIN pg_type b ON b.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype
            ELSE d.oid END
        WHERE d.oid = a.atttypid) AS t
    {_OPERATORS.format(type="t.base", name="op")}
    {_OPERATORS.format(type="t.element", name="elem_op")}
    WHERE c.relkind IN ('r', 'p', 'm', 'f', 'i')
        AND NOT EXISTS (SELECT FROM pg_statistic known WHERE known.starelid = c.oid
            AND known.staattnum = a.attnum AND known.stainherit = s.inherited)
    RETURNING starelid)
SELECT n.nspname, c.relname, %(version)s::int > 0
FROM made JOIN pg_class c ON c.oid = made.starelid JOIN pg_namespace n ON n.oid = c.relnamespace
"""
