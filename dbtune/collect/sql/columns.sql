SELECT /* dbtune */
    a.attrelid AS relation_oid,
    a.attnum AS number,
    a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    t.typtype AS type_kind,
    a.attlen AS type_length,
    a.attalign AS type_align,
    a.attnotnull AS not_null,              --[ server < 18 ]
    a.attnotnull AND NOT EXISTS (          --[ server >= 18 ]
        SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n'  --[ server >= 18 ]
        AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated) AS not_null,            --[ server >= 18 ]
    CASE WHEN a.attrelid <> ALL (%(locked)s::oid[])
         THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
    a.attgenerated AS generated,
    a.attidentity AS identity,
    CASE WHEN a.attcollation NOT IN (0, t.typcollation)
         THEN json_build_object('schema', cn.nspname, 'name', co.collname) END AS collation,
    a.attstorage AS storage,
    nullif(a.attstattarget, -1) AS statistics_target
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
WHERE a.attrelid = ANY (%(selected)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
