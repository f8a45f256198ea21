-- Every relation that users made; members of extensions and temporary relations are left out.
-- The booleans say whether pg_stats holds anything of it, and whether it shows that to this role.
SELECT /* dbtune */
    c.oid, n.nspname AS schema, c.relname AS name,
    c.relkind <> 'v' AND c.reltuples > 0 AS is_analysed,
    has_any_column_privilege(c.oid, 'SELECT') AS may_select_some,
    has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')) AS may_select_all,
    row_security_active(c.oid) AS row_security_active
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.oid
