-- Foreign servers, of their options those that decide costs: others may hold hosts and passwords.
SELECT /* dbtune */ 'server' AS kind, quote_ident(s.srvname) AS identity, s.oid,
    format('CREATE SERVER %%I FOREIGN DATA WRAPPER %%I', s.srvname, w.fdwname)
    || coalesce(' OPTIONS (' || (
        SELECT string_agg(format('%%I %%L', o.option_name, o.option_value), ', ')
        FROM pg_options_to_table(s.srvoptions) o
        WHERE o.option_name IN ('fdw_startup_cost', 'fdw_tuple_cost', 'fetch_size', 'async_capable',
                                'extensions')) || ')', '') AS definition
FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
