SELECT /* dbtune */ dealloc AS evictions FROM {schema}.pg_stat_statements_info()
