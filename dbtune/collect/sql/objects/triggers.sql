-- Triggers of partitions come with those of their parent.
SELECT /* dbtune */ 'trigger' AS kind,
    format('%%I ON %%I.%%I', t.tgname, n.nspname, c.relname) AS identity, t.oid,
    pg_get_triggerdef(t.oid) AS definition
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgrelid = ANY (%(selected)s::oid[]) AND NOT t.tgisinternal
  AND t.tgparentid = 0
  AND NOT (t.tgqual IS NOT NULL AND t.tgrelid = ANY (%(locked)s::oid[]))
