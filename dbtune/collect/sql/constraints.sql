SELECT /* dbtune */
    con.conname AS name,
    json_build_object('schema', n.nspname, 'name', c.relname) AS relation,
    con.contype AS kind,
    pg_get_constraintdef(con.oid) AS definition,
    ARRAY(SELECT a.attname
          FROM unnest(con.conkey) WITH ORDINALITY AS k(number, place)
          JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.number
          ORDER BY k.place)::text[] AS columns,
    con.convalidated AS validated,
    con.condeferrable AS deferrable,
    CASE WHEN con.confrelid <> 0
         THEN json_build_object('schema', fn.nspname, 'name', f.relname) END AS referenced,
    ARRAY(SELECT a.attname
          FROM unnest(con.confkey) WITH ORDINALITY AS k(number, place)
          JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.number
          ORDER BY k.place)::text[] AS referenced_columns,
    trim(con.confdeltype::text) AS on_delete,
    trim(con.confupdtype::text) AS on_update,
    CASE WHEN con.conindid <> 0
         THEN json_build_object('schema', xn.nspname, 'name', x.relname) END AS index,
    con.conparentid <> 0 OR con.coninhcount > 0 AND NOT con.conislocal AS inherited
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class f ON f.oid = con.confrelid
LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
LEFT JOIN pg_class x ON x.oid = con.conindid
LEFT JOIN pg_namespace xn ON xn.oid = x.relnamespace
WHERE con.conrelid = ANY (%(selected)s::oid[]) AND con.contype IN ('p', 'u', 'f', 'c', 'x', 'n')
  -- Only expressions make pg_get_constraintdef() wait for a lock.
  AND NOT (con.contype IN ('c', 'x') AND con.conrelid = ANY (%(locked)s::oid[]))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", con.conname COLLATE "C", con.oid
