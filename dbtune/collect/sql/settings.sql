-- Settings that decide plans, memory, vacuum, statistics and logging; none that may hold a secret,
-- an address or a path. What this session changed is shown as it was before.
SELECT /* dbtune */
    s.name,
    CASE WHEN s.source <> 'session' THEN current_setting(s.name)
         WHEN s.unit = '8kB' THEN (s.reset_val::bigint * 8)::text || 'kB'
         ELSE s.reset_val || CASE WHEN s.reset_val IN ('0', '-1') THEN '' ELSE coalesce(s.unit, '') END
    END AS value
FROM pg_settings s
WHERE (s.category ~ '^(Query Tuning|Resource Usage|Autovacuum|Vacuuming|Statistics|Lock Management)'
       OR s.category IN ('Write-Ahead Log / Checkpoints', 'Write-Ahead Log / Settings',
                         'Client Connection Defaults / Statement Behavior',
                         'Client Connection Defaults / Locale and Formatting',
                         'Reporting and Logging / What to Log',
                         'Reporting and Logging / When to Log',
                         'Version and Platform Compatibility / Previous PostgreSQL Versions',
                         'Preset Options')
       OR s.name ~ '^(pg_stat_statements|auto_explain)\.'
       OR s.name IN ('logging_collector', 'max_connections'))
  AND s.vartype <> 'string'
   OR s.name IN ('search_path', 'default_tablespace', 'default_table_access_method', 'datestyle',
                 'DateStyle', 'IntervalStyle', 'TimeZone', 'lc_messages', 'lc_monetary',
                 'lc_numeric', 'lc_time', 'default_text_search_config', 'log_line_prefix',
                 'log_destination', 'log_timezone', 'shared_preload_libraries', 'server_version',
                 'server_encoding', 'createrole_self_grant')
ORDER BY s.name COLLATE "C"
