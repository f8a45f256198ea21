SELECT /* dbtune */
    i.indexrelid AS oid,
    json_build_object('schema', n.nspname, 'name', c.relname) AS name,
    json_build_object('schema', tn.nspname, 'name', t.relname) AS relation,
    am.amname AS access_method,
    CASE WHEN b.is_blocked THEN '' ELSE pg_get_indexdef(i.indexrelid) END AS definition,
    ARRAY(SELECT json_build_object(
              'column', a.attname,
              'expression', CASE WHEN a.attname IS NULL
                                 THEN pg_get_indexdef(i.indexrelid, k.n, false) END,
              'opclass', CASE WHEN NOT o.opcdefault OR ia.attoptions IS NOT NULL
                  THEN CASE WHEN ocn.nspname <> 'pg_catalog'
                            THEN quote_ident(ocn.nspname) || '.' ELSE '' END
                       || quote_ident(o.opcname)
                       || coalesce(' (' || array_to_string(ia.attoptions, ', ') || ')', '') END,
              'collation', CASE WHEN i.indcollation[k.n - 1] NOT IN (0, coalesce(a.attcollation, 100))
                  THEN json_build_object('schema', con.nspname, 'name', co.collname) END,
              'descending', i.indoption[k.n - 1] & 1 = 1,
              'nulls_first', i.indoption[k.n - 1] & 2 = 2,
              -- A class that stores another type than it takes (GIN, some of GiST) hides the latter.
              'type', CASE WHEN a.attname IS NOT NULL THEN NULL
                  WHEN o.opckeytype IN (0, o.opcintype) THEN format_type(ia.atttypid, ia.atttypmod)
                  WHEN o.opcintype = 'anyarray'::regtype THEN format_type(ia.atttypid, NULL) || '[]'
                  ELSE format_type(o.opcintype, NULL) END)
          FROM generate_series(1, i.indnkeyatts) AS k(n)
          JOIN pg_opclass o ON o.oid = i.indclass[k.n - 1]
          JOIN pg_namespace ocn ON ocn.oid = o.opcnamespace
          JOIN pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = k.n
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1]
              AND i.indkey[k.n - 1] <> 0
          LEFT JOIN pg_collation co ON co.oid = i.indcollation[k.n - 1]
          LEFT JOIN pg_namespace con ON con.oid = co.collnamespace
          ORDER BY k.n) AS keys,
    ARRAY(SELECT ia.attname FROM pg_attribute ia
          WHERE ia.attrelid = i.indexrelid AND ia.attnum <= i.indnkeyatts
          ORDER BY ia.attnum)::text[] AS key_attributes,
    ARRAY(SELECT a.attname
          FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS k(n)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1]
          ORDER BY k.n)::text[] AS included,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    i.indisunique AS is_unique,
    i.indisprimary AS is_primary,
    i.indisexclusion AS is_exclusion,
    i.indisvalid AS is_valid,
    i.indisready AS is_ready,
    -- Other roles' progress shows nothing but the process, hence the lock.
    CASE WHEN NOT i.indisvalid THEN EXISTS (
        SELECT FROM pg_stat_progress_create_index p JOIN pg_locks l ON l.pid = p.pid
        WHERE l.relation = i.indrelid AND l.locktype = 'relation'
          AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
          AND coalesce(nullif(p.index_relid, 0), i.indexrelid) = i.indexrelid)
        ELSE false END AS is_being_built,
    i.indisreplident AS is_replica_identity,
    i.indimmediate AS is_immediate,
    false AS nulls_not_distinct,                       --[ server < 15 ]
    i.indnullsnotdistinct AS nulls_not_distinct,       --[ server >= 15 ]
    con.conname AS "constraint",
    c.relpages,
    c.reltuples,
    CASE WHEN c.relkind = 'I' THEN 0
         WHEN b.is_blocked THEN c.relpages * current_setting('block_size')::bigint
         ELSE coalesce(pg_relation_size(i.indexrelid), 0) END AS size_bytes,
    coalesce(c.reloptions, '{}') AS options,
    (SELECT json_build_object('schema', pn.nspname, 'name', pc.relname)
     FROM pg_inherits h JOIN pg_class pc ON pc.oid = h.inhparent
     JOIN pg_namespace pn ON pn.oid = pc.relnamespace
     WHERE h.inhrelid = i.indexrelid) AS parent,
    CASE WHEN c.relkind = 'i' THEN json_build_object(
        'idx_scan', coalesce(pg_stat_get_numscans(i.indexrelid), 0),
        'idx_tup_read', coalesce(pg_stat_get_tuples_returned(i.indexrelid), 0),
        'idx_tup_fetch', coalesce(pg_stat_get_tuples_fetched(i.indexrelid), 0),
        'last_idx_scan', NULL                                           --[ server < 16 ]
        'last_idx_scan',                                                --[ server >= 16 ]
            to_char(pg_stat_get_lastscan(i.indexrelid) AT TIME ZONE 'UTC',  --[ server >= 16 ]
                    'YYYY-MM-DD"T"HH24:MI:SS"Z"')                       --[ server >= 16 ]
        ) END AS activity,
    -- The view hides the index from roles that may not monitor; the builder's lock is seen by all.
    NOT i.indisvalid AND EXISTS (
        SELECT FROM pg_stat_progress_create_index p
        JOIN pg_locks l ON l.pid = p.pid AND l.relation = i.indrelid
        WHERE coalesce(p.index_relid, i.indexrelid) IN (0, i.indexrelid)) AS is_being_built
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_am am ON am.oid = c.relam
-- An index backs constraints of its own relation only; that column is indexed, conindid is not.
LEFT JOIN pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid
    AND con.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (SELECT i.indexrelid = ANY (%(locked)s::oid[])
                        OR i.indrelid = ANY (%(locked)s::oid[]) AS is_blocked) b
WHERE i.indrelid = ANY (%(selected)s::oid[]) AND i.indislive
  -- An index without expressions can be told without pg_get_indexdef(), which waits for locks.
  AND NOT (b.is_blocked AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
ORDER BY i.indexrelid
