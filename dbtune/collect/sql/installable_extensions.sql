-- Extensions whose files the server has, and this database does not use.
SELECT /* dbtune */ name
FROM pg_available_extensions
WHERE installed_version IS NULL
ORDER BY name COLLATE "C"
