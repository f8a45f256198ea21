SELECT /* dbtune */ 'domain' AS kind, format('%%I.%%I', n.nspname, t.typname) AS identity, t.oid,
    format('CREATE DOMAIN %%I.%%I AS %%s', n.nspname, t.typname,
           format_type(t.typbasetype, t.typtypmod)) ||
    CASE WHEN t.typcollation NOT IN (0, bt.typcollation)
         THEN format(' COLLATE %%I.%%I', cn.nspname, co.collname) ELSE '' END ||
    coalesce(' DEFAULT ' || t.typdefault, '') ||
    CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END AS definition
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
JOIN pg_type bt ON bt.oid = t.typbasetype
LEFT JOIN pg_collation co ON co.oid = t.typcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
WHERE t.typtype = 'd'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                  AND d.objid = t.oid AND d.deptype = 'e')
