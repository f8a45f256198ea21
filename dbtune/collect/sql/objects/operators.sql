SELECT /* dbtune */ 'operator' AS kind,
    format('%%I.%%s (%%s, %%s)', n.nspname, o.oprname,
           CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
           format_type(o.oprright, NULL)) AS identity,
    o.oid,
    format('CREATE OPERATOR %%I.%%s (FUNCTION = %%s, RIGHTARG = %%s', n.nspname, o.oprname,
           o.oprcode::regproc, format_type(o.oprright, NULL)) ||
    CASE WHEN o.oprleft <> 0 THEN ', LEFTARG = ' || format_type(o.oprleft, NULL) ELSE '' END ||
    CASE WHEN o.oprcom <> 0 THEN format(', COMMUTATOR = OPERATOR(%%s)', o.oprcom::regoper) ELSE '' END ||
    CASE WHEN o.oprnegate <> 0 THEN format(', NEGATOR = OPERATOR(%%s)', o.oprnegate::regoper) ELSE '' END ||
    CASE WHEN o.oprrest <> 0 THEN format(', RESTRICT = %%s', o.oprrest::regproc) ELSE '' END ||
    CASE WHEN o.oprjoin <> 0 THEN format(', JOIN = %%s', o.oprjoin::regproc) ELSE '' END ||
    CASE WHEN o.oprcanhash THEN ', HASHES' ELSE '' END ||
    CASE WHEN o.oprcanmerge THEN ', MERGES' ELSE '' END || ')' AS definition
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oprcode <> 0
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass
                  AND d.objid = o.oid AND d.deptype = 'e')
