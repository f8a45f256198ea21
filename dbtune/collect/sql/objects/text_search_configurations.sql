SELECT /* dbtune */ 'text search configuration' AS kind,
    format('%%I.%%I', n.nspname, c.cfgname) AS identity, c.oid,
    format('CREATE TEXT SEARCH CONFIGURATION %%I.%%I (PARSER = %%I.%%I)', n.nspname, c.cfgname,
           pn.nspname, p.prsname) ||
    coalesce((
        SELECT string_agg(format('; ALTER TEXT SEARCH CONFIGURATION %%I.%%I ADD MAPPING FOR %%I WITH %%s',
                                 n.nspname, c.cfgname, t.alias, m.dictionaries), ''
                          ORDER BY t.tokid)
        FROM ts_token_type(c.cfgparser) t
        JOIN (SELECT maptokentype, string_agg(mapdict::regdictionary::text, ', ' ORDER BY mapseqno)
                  AS dictionaries
              FROM pg_ts_config_map WHERE mapcfg = c.oid GROUP BY maptokentype) m
          ON m.maptokentype = t.tokid), '') AS definition
FROM pg_ts_config c
JOIN pg_namespace n ON n.oid = c.cfgnamespace
JOIN pg_ts_parser p ON p.oid = c.cfgparser
JOIN pg_namespace pn ON pn.oid = p.prsnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_ts_config'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
