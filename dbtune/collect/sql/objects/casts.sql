SELECT /* dbtune */ 'cast' AS kind,
    format('%%s AS %%s', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)) AS identity,
    c.oid,
    format('CREATE CAST (%%s AS %%s) %%s', format_type(c.castsource, NULL),
           format_type(c.casttarget, NULL),
           CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure
                             WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END) ||
    CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END
    AS definition
FROM pg_cast c
WHERE c.oid >= 16384  -- FirstNormalObjectId: what initdb made lies below
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass
                  AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
