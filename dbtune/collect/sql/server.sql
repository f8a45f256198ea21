-- One row: the server and the database.
SELECT /* dbtune */
    current_setting('server_version_num')::int AS version_num,
    d.datname AS database,
    pg_encoding_to_char(d.encoding) AS encoding,
    d.datcollate AS "collate",
    d.datctype AS ctype,
    'c' AS locale_provider,                 --[ server < 15 ]
    d.datlocprovider AS locale_provider,    --[ server >= 15 ]
    pg_is_in_recovery() AS in_recovery,
    to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS started_at,
    to_char(pg_stat_get_db_stat_reset_time(d.oid) AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS stats_reset_at,
    CASE WHEN has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
         THEN (SELECT system_identifier::text FROM pg_control_system()) END AS system_identifier
FROM pg_database d
WHERE d.datname = current_database()
