-- What the first pages of B-tree and GIN indexes say of the rest: figures, no value of any row.
SELECT /* dbtune */ i.indexrelid AS oid, am.amname AS access_method,
    pg_read_binary_file(pg_relation_filepath(i.indexrelid), 24, 56, true) AS bytes
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am am ON am.oid = c.relam
WHERE i.indrelid = ANY (%(selected)s::oid[]) AND c.relkind = 'i' AND am.amname IN ('btree', 'gin')
  AND i.indexrelid <> ALL (%(locked)s::oid[])
