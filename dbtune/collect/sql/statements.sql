-- The whole of pg_stat_statements for this database; rows are filtered in statements.py, so that
-- what is left out can be counted.
SELECT /* dbtune */
    s.query AS text,
    s.calls,
    s.total_exec_time AS total_exec_ms,      --[ pg_stat_statements >= 1.8 ]
    s.min_exec_time AS min_exec_ms,          --[ pg_stat_statements >= 1.8 ]
    s.max_exec_time AS max_exec_ms,          --[ pg_stat_statements >= 1.8 ]
    s.mean_exec_time AS mean_exec_ms,        --[ pg_stat_statements >= 1.8 ]
    s.stddev_exec_time AS stddev_exec_ms,    --[ pg_stat_statements >= 1.8 ]
    s.plans,                                 --[ pg_stat_statements >= 1.8 ]
    s.total_plan_time AS total_plan_ms,      --[ pg_stat_statements >= 1.8 ]
    s.wal_bytes::bigint AS wal_bytes,        --[ pg_stat_statements >= 1.8 ]
    s.total_time AS total_exec_ms,           --[ pg_stat_statements < 1.8 ]
    s.min_time AS min_exec_ms,               --[ pg_stat_statements < 1.8 ]
    s.max_time AS max_exec_ms,               --[ pg_stat_statements < 1.8 ]
    s.mean_time AS mean_exec_ms,             --[ pg_stat_statements < 1.8 ]
    s.stddev_time AS stddev_exec_ms,         --[ pg_stat_statements < 1.8 ]
    s.toplevel,                              --[ pg_stat_statements >= 1.9 ]
    s.rows,
    s.shared_blks_hit, s.shared_blks_read, s.shared_blks_dirtied, s.shared_blks_written,
    s.temp_blks_read, s.temp_blks_written,
    s.queryid,
    s.userid AS role_oid,
    pg_get_userbyid(s.userid) AS role
FROM {schema}.pg_stat_statements(%(showtext)s) s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
