-- Foreign servers without their options: those may hold hosts and passwords.
SELECT /* dbtune */ 'server' AS kind, quote_ident(s.srvname) AS identity, s.oid,
    format('CREATE SERVER %%I FOREIGN DATA WRAPPER %%I', s.srvname, w.fdwname) AS definition
FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
