-- Sizes and definitions of relations in %(locked)s are not asked for: that would wait.
SELECT /* dbtune */
    c.oid,
    json_build_object('schema', n.nspname, 'name', c.relname) AS name,
    c.relkind AS kind,
    c.relpersistence AS persistence,
    pg_get_userbyid(c.relowner) AS owner,
    c.relpages,
    c.reltuples,
    c.relallvisible,
    CASE WHEN c.relkind NOT IN ('r', 'm') THEN 0
         WHEN c.oid = ANY (%(locked)s::oid[])
         THEN c.relpages * current_setting('block_size')::bigint
         ELSE coalesce(pg_relation_size(c.oid), 0) END AS size_bytes,
    CASE WHEN c.reltoastrelid = 0 THEN 0
         WHEN c.reltoastrelid = ANY (%(locked)s::oid[]) OR c.oid = ANY (%(locked)s::oid[])
         THEN t.relpages * current_setting('block_size')::bigint
         ELSE coalesce(pg_relation_size(c.reltoastrelid), 0) END AS toast_bytes,
    '{}'::text[] AS columns,
    coalesce(c.reloptions, '{}') AS options,
    ARRAY(SELECT json_build_object('schema', pn.nspname, 'name', pc.relname)
          FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent
          JOIN pg_namespace pn ON pn.oid = pc.relnamespace
          WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
    CASE WHEN c.relkind <> 'p' THEN NULL
         WHEN c.oid <> ALL (%(locked)s::oid[]) THEN pg_get_partkeydef(c.oid)
         ELSE (SELECT CASE p.partstrat WHEN 'l' THEN 'LIST' WHEN 'h' THEN 'HASH' ELSE 'RANGE' END
                      || format(' (%%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY k.place))
               FROM pg_partitioned_table p
               CROSS JOIN unnest(p.partattrs) WITH ORDINALITY AS k(number, place)
               JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.number
               WHERE p.partrelid = c.oid GROUP BY p.partstrat) END AS partition_key,
    CASE WHEN c.relispartition AND c.oid <> ALL (%(locked)s::oid[])
         THEN pg_get_expr(c.relpartbound, c.oid) END AS partition_bound,
    c.relrowsecurity AS row_security,
    c.relreplident AS replica_identity,
    CASE WHEN c.relkind IN ('v', 'm') AND NOT b.is_blocked
         THEN pg_get_viewdef(c.oid) END AS definition,
    s.srvname AS foreign_server,
    CASE WHEN a.relid IS NOT NULL THEN json_build_object(
        'seq_scan', coalesce(a.seq_scan, 0),
        'seq_tup_read', coalesce(a.seq_tup_read, 0),
        'idx_scan', coalesce(a.idx_scan, 0),
        'idx_tup_fetch', coalesce(a.idx_tup_fetch, 0),
        'n_tup_ins', a.n_tup_ins, 'n_tup_upd', a.n_tup_upd, 'n_tup_del', a.n_tup_del,
        'n_tup_hot_upd', a.n_tup_hot_upd,
        'n_live_tup', a.n_live_tup, 'n_dead_tup', a.n_dead_tup,
        'n_mod_since_analyze', a.n_mod_since_analyze,
        'last_vacuum', to_char(greatest(a.last_vacuum, a.last_autovacuum) AT TIME ZONE 'UTC',
                               'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'last_analyze', to_char(greatest(a.last_analyze, a.last_autoanalyze) AT TIME ZONE 'UTC',
                                'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'heap_blks_read', coalesce(pg_stat_get_blocks_fetched(c.oid)
                                   - pg_stat_get_blocks_hit(c.oid), 0),
        'heap_blks_hit', coalesce(pg_stat_get_blocks_hit(c.oid), 0)) END AS activity,
    b.is_blocked
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
LEFT JOIN pg_stat_all_tables a ON a.relid = c.oid
CROSS JOIN LATERAL (
    SELECT c.oid = ANY (%(locked)s::oid[]) OR c.relkind IN ('v', 'm') AND EXISTS (
        SELECT FROM pg_rewrite r JOIN pg_depend d
            ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
           AND d.refclassid = 'pg_class'::regclass
        WHERE r.ev_class = c.oid AND d.refobjid = ANY (%(locked)s::oid[])) AS is_blocked) b
WHERE c.oid = ANY (%(selected)s::oid[])
ORDER BY c.oid
