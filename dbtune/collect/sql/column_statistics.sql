-- pg_stats shows the statistics of indexes' expressions under the index's name.
SELECT /* dbtune */
    s.schemaname AS schema, s.tablename AS relation, s.attname AS attribute,
    s.inherited, s.null_frac, s.avg_width, s.n_distinct,
    s.most_common_vals::text::text[] AS most_common_values,
    s.most_common_freqs,
    s.histogram_bounds::text::text[] AS histogram_bounds,
    s.correlation,
    s.most_common_elems::text::text[] AS most_common_elems,
    s.most_common_elem_freqs,
    s.range_length_histogram::text::text[] AS range_length_histogram,  --[ server >= 17 ]
    s.range_empty_frac,                                                --[ server >= 17 ]
    s.range_bounds_histogram::text::text[] AS range_bounds_histogram,  --[ server >= 17 ]
    s.elem_count_histogram
FROM pg_stats s
WHERE s.schemaname = ANY (%(schemas)s::text[])
ORDER BY s.schemaname COLLATE "C", s.tablename COLLATE "C", s.attname COLLATE "C", s.inherited
