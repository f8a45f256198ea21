-- search_path as set for a role everywhere or in this database; the latter comes last and counts.
-- What is set for the database alone is in effect in this session already.
SELECT /* dbtune */ s.setrole AS role_oid, r.rolname AS role, substr(o.option, 13) AS search_path
FROM pg_db_role_setting s
JOIN pg_roles r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) AS o(option)
WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
  AND o.option ~ '^search_path='
ORDER BY s.setrole, s.setdatabase
