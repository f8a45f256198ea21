-- Roles that own a collected relation or that a policy names; superusers only by name.
SELECT /* dbtune */ 'role' AS kind, quote_ident(r.rolname) AS identity, r.oid,
    format('CREATE ROLE %%I', r.rolname) AS definition
FROM pg_roles r
WHERE r.rolname !~ '^pg_'
  AND (r.oid IN (SELECT c.relowner FROM pg_class c WHERE c.oid = ANY (%(selected)s::oid[]))
       OR r.oid IN (SELECT unnest(p.polroles) FROM pg_policy p
                    WHERE p.polrelid = ANY (%(selected)s::oid[])))
