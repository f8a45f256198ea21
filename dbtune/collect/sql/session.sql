-- What this session allows itself. Local to the transaction, so a connection pool keeps nothing.
-- An empty search_path makes the pg_get_*def() functions qualify every name.
SELECT /* dbtune */
    set_config('statement_timeout', %(statement_timeout_ms)s::text, true),
    set_config('lock_timeout', %(lock_timeout_ms)s::text, true),
    set_config('idle_in_transaction_session_timeout', '60000', true),
    set_config('search_path', '', true),
    set_config('jit', 'off', true),
    set_config('extra_float_digits', '1', true),
    set_config('datestyle', 'ISO, YMD', true),
    set_config('intervalstyle', 'postgres', true),
    set_config('timezone', 'UTC', true),
    set_config('bytea_output', 'hex', true),
    set_config('quote_all_identifiers', 'off', true),
    has_function_privilege(to_regprocedure('pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)'),
                           'EXECUTE') AS may_read_files
