SELECT /* dbtune */ 'collation' AS kind, format('%%I.%%I', n.nspname, c.collname) AS identity, c.oid,
    format('CREATE COLLATION %%I.%%I (PROVIDER = %%s, %%s, DETERMINISTIC = %%s)', n.nspname, c.collname,
           CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
           CASE WHEN c.collcollate IS NOT NULL
                THEN format('LC_COLLATE = %%L, LC_CTYPE = %%L', c.collcollate, c.collctype)
                ELSE format('LOCALE = %%L', to_jsonb(c) ->> 'colliculocale') END,  --[ server < 17 ]
                ELSE format('LOCALE = %%L', c.colllocale) END,         --[ server >= 17 ]
           c.collisdeterministic::text) AS definition
FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_collation'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
