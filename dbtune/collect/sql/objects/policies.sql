SELECT /* dbtune */ 'policy' AS kind,
    format('%%I ON %%I.%%I', p.polname, n.nspname, c.relname) AS identity, p.oid,
    format('CREATE POLICY %%I ON %%I.%%I AS %%s FOR %%s TO %%s', p.polname, n.nspname, c.relname,
           CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
           CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                         WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           (SELECT string_agg(CASE WHEN u.oid = 0 THEN 'PUBLIC'
                                   ELSE quote_ident(pg_get_userbyid(u.oid)) END, ', ' ORDER BY u.oid)
            FROM unnest(p.polroles) AS u(oid))) ||
    coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '') ||
    coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') AS definition
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.polrelid = ANY (%(selected)s::oid[]) AND p.polrelid <> ALL (%(locked)s::oid[])
