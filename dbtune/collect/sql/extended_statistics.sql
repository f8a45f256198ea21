SELECT /* dbtune */
    json_build_object('schema', en.nspname, 'name', e.stxname) AS name,
    json_build_object('schema', n.nspname, 'name', c.relname) AS relation,
    pg_get_statisticsobjdef(e.oid) AS definition,
    e.stxkind::text[] AS kinds,
    ARRAY(SELECT a.attname
          FROM unnest(e.stxkeys) WITH ORDINALITY AS k(number, place)
          JOIN pg_attribute a ON a.attrelid = e.stxrelid AND a.attnum = k.number
          ORDER BY k.place)::text[] AS columns,
    coalesce(pg_get_statisticsobjdef_expressions(e.oid), '{}') AS expressions,  --[ server >= 14 ]
    coalesce(s.inherited, false) AS inherited,                                  --[ server >= 15 ]
    ARRAY(SELECT json_build_object(                                                   --[ server >= 14 ]
              'inherited', false,                                                     --[ server >= 14 ]
              'inherited', coalesce(x.inherited, false),                              --[ server >= 15 ]
              'null_frac', x.null_frac, 'avg_width', x.avg_width,                     --[ server >= 14 ]
              'n_distinct', x.n_distinct, 'correlation', x.correlation,               --[ server >= 14 ]
              'most_common_values', x.most_common_vals::text::text[],                 --[ server >= 14 ]
              'most_common_freqs', x.most_common_freqs,                               --[ server >= 14 ]
              'histogram_bounds', x.histogram_bounds::text::text[],                   --[ server >= 14 ]
              'most_common_elems', x.most_common_elems::text::text[],                 --[ server >= 14 ]
              'most_common_elem_freqs', x.most_common_elem_freqs,                     --[ server >= 14 ]
              'elem_count_histogram', x.elem_count_histogram)                         --[ server >= 14 ]
          FROM unnest(pg_get_statisticsobjdef_expressions(e.oid)) WITH ORDINALITY AS k(expression, place) --[ server >= 14 ]
          JOIN pg_stats_ext_exprs x ON x.statistics_schemaname = en.nspname           --[ server >= 14 ]
              AND x.statistics_name = e.stxname AND x.expr = k.expression             --[ server >= 14 ]
              AND x.inherited IS NOT DISTINCT FROM s.inherited                        --[ server >= 15 ]
          WHERE x.null_frac IS NOT NULL                                               --[ server >= 14 ]
          ORDER BY k.place) AS expression_statistics,                                 --[ server >= 14 ]
    s.n_distinct::text AS n_distinct,
    s.dependencies::text AS dependencies,
    s.most_common_vals AS most_common_values,
    s.most_common_freqs,
    s.most_common_base_freqs
FROM pg_statistic_ext e
JOIN pg_namespace en ON en.oid = e.stxnamespace
JOIN pg_class c ON c.oid = e.stxrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stats_ext s ON s.statistics_schemaname = en.nspname AND s.statistics_name = e.stxname
WHERE e.stxrelid = ANY (%(selected)s::oid[]) AND e.stxrelid <> ALL (%(locked)s::oid[])
ORDER BY en.nspname COLLATE "C", e.stxname COLLATE "C"
    , s.inherited    --[ server >= 15 ]
