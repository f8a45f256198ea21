"""Query texts → what they ask of each relation. The only room that knows sqlglot."""
