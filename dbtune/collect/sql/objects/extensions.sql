SELECT /* dbtune */ 'extension' AS kind, e.extname AS identity, e.oid,
    format('CREATE EXTENSION IF NOT EXISTS %%I SCHEMA %%I', e.extname, n.nspname) AS definition
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'
