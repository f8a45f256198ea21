-- Foreign-data wrappers that no extension brings, without options and functions.
SELECT /* dbtune */ 'server' AS kind, 'wrapper ' || quote_ident(w.fdwname) AS identity, w.oid,
    format('CREATE FOREIGN DATA WRAPPER %%I', w.fdwname) AS definition
FROM pg_foreign_data_wrapper w
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_foreign_data_wrapper'::regclass
                  AND d.objid = w.oid AND d.deptype = 'e')
