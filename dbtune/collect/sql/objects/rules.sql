SELECT /* dbtune */ 'rule' AS kind,
    format('%%I ON %%I.%%I', r.rulename, n.nspname, c.relname) AS identity, r.oid,
    rtrim(pg_get_ruledef(r.oid), ';') AS definition
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.ev_class = ANY (%(selected)s::oid[]) AND r.rulename <> '_RETURN'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (%(locked)s::oid[]))
