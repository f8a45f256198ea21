-- Enums, composite types, ranges; domains have a file of their own. Row types of tables, and
-- array types, come with what they belong to.
SELECT /* dbtune */ 'type' AS kind, format('%%I.%%I', n.nspname, t.typname) AS identity, t.oid,
    format('CREATE TYPE %%I.%%I AS ', n.nspname, t.typname) ||
    CASE t.typtype
    WHEN 'e' THEN format('ENUM (%%s)', (
        SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_enum e WHERE e.enumtypid = t.oid))
    WHEN 'c' THEN format('(%%s)', (
        SELECT string_agg(
            format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)) ||
            CASE WHEN a.attcollation NOT IN (0, at.typcollation)
                 THEN format(' COLLATE %%I.%%I', cn.nspname, co.collname) ELSE '' END,
            ', ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid
        LEFT JOIN pg_collation co ON co.oid = a.attcollation
        LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
    WHEN 'r' THEN (
        SELECT format('RANGE (SUBTYPE = %%s, SUBTYPE_OPCLASS = %%I.%%I', format_type(r.rngsubtype, NULL),
                      ocn.nspname, oc.opcname) ||
            CASE WHEN r.rngcollation NOT IN (0, st.typcollation)
                 THEN format(', COLLATION = %%I.%%I', cn.nspname, co.collname) ELSE '' END ||
            CASE WHEN r.rngsubdiff <> 0
                 THEN format(', SUBTYPE_DIFF = %%s', r.rngsubdiff::regproc) ELSE '' END ||
            format(', MULTIRANGE_TYPE_NAME = %%s', format_type(r.rngmultitypid, NULL)) || --[ server >= 14 ]
            ')'
        FROM pg_range r JOIN pg_type st ON st.oid = r.rngsubtype
        JOIN pg_opclass oc ON oc.oid = r.rngsubopc JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace
        LEFT JOIN pg_collation co ON co.oid = r.rngcollation
        LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
        WHERE r.rngtypid = t.oid)
    END AS definition
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('e', 'c', 'r') AND (t.typrelid = 0 OR c.relkind = 'c')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                  AND d.objid = t.oid AND d.deptype = 'e')
