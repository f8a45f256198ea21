SELECT /* dbtune */ 'schema' AS kind, quote_ident(n.nspname) AS identity, n.oid,
    format('CREATE SCHEMA %%I', n.nspname) AS definition
FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass
                  AND d.objid = n.oid AND d.deptype = 'e')
