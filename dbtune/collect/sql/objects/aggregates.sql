-- Plain aggregates; of ordered-set and moving ones the support functions stay what they are.
SELECT /* dbtune */ 'aggregate' AS kind,
    format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS identity,
    p.oid,
    format('CREATE AGGREGATE %%I.%%I(%%s) (SFUNC = %%s, STYPE = %%s', n.nspname, p.proname,
           coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'),
           a.aggtransfn::regproc, format_type(a.aggtranstype, NULL)) ||
    CASE WHEN a.aggfinalfn <> 0 THEN format(', FINALFUNC = %%s', a.aggfinalfn::regproc) ELSE '' END ||
    CASE WHEN a.aggcombinefn <> 0 THEN format(', COMBINEFUNC = %%s', a.aggcombinefn::regproc) ELSE '' END ||
    CASE WHEN a.aggfinalextra THEN ', FINALFUNC_EXTRA' ELSE '' END ||
    coalesce(format(', INITCOND = %%L', a.agginitval), '') ||
    CASE WHEN a.aggsortop <> 0 THEN format(', SORTOP = OPERATOR(%%s)', a.aggsortop::regoper) ELSE '' END ||
    CASE WHEN a.aggkind = 'h' THEN ', HYPOTHETICAL' ELSE '' END ||
    CASE p.proparallel WHEN 's' THEN ', PARALLEL = SAFE' WHEN 'r' THEN ', PARALLEL = RESTRICTED'
                       ELSE '' END || ')' AS definition
FROM pg_aggregate a
JOIN pg_proc p ON p.oid = a.aggfnoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                  AND d.objid = p.oid AND d.deptype = 'e')
