-- Raw entries to slim rows: the statement entries, and what bounds or times them.
INSERT INTO entry BY NAME
WITH said AS (
    SELECT session, line, try_cast(logged_at[:23] AS TIMESTAMP) AS logged_at, transaction, application,
           severity, sqlstate, message, detail,
           regexp_extract(
               message,
               '^(?s)(?:duration: ([0-9.]+) ms)?(?:  )?(?:(statement|parse|bind|execute fetch from|execute|plan)\b[^:]*:[ \n]?(.*))?',
               ['ms', 'kind', 'text']) AS part
    FROM raw
    WHERE (severity = 'LOG' AND (message LIKE 'duration: %' OR message LIKE 'statement: %'
                                 OR message LIKE 'execute %'))
       OR sqlstate IN ('40001', '40P01')
       OR session IS NULL OR logged_at IS NULL OR severity IS NULL
), sorted AS (
    SELECT *,
           CASE WHEN session IS NULL OR logged_at IS NULL OR severity IS NULL THEN 'damaged'
                WHEN severity <> 'LOG' THEN 'error'
                WHEN part.kind = 'execute fetch from' THEN 'fetch'
                WHEN part.kind = '' THEN 'duration'
                ELSE part.kind END AS kind,
           -- EXECUTE of SQL stands with its PREPARE in the detail
           CASE WHEN part.kind = 'statement' AND detail LIKE 'prepare: %'
                THEN regexp_replace(detail, '^(?is)prepare: prepare .*?\bas\s+', '')
                WHEN part.kind IN ('statement', 'execute') THEN part.text
                END AS full_text
    FROM said
), bare AS (
    SELECT *,
           CASE WHEN contains(full_text, '/*')
                THEN regexp_extract(full_text, '(?s)/\*(.*?)\*/', 1) END AS comment,
           CASE WHEN contains(full_text, '/*')
                THEN regexp_replace(full_text, '(?s)\s*/\*.*?\*/', '', 'g')
                ELSE full_text END AS statement
    FROM sorted
), shaped AS (
    SELECT *, regexp_replace(CASE WHEN contains(statement, '-')
                                  THEN regexp_replace(statement, {sign}, '\1\2', 'g')
                                  ELSE statement END,
                             {literal}, '$0', 'g') AS replaced
    FROM bare
), listed AS (
    SELECT *,
           CASE WHEN contains(replaced, ',')
                THEN regexp_replace(regexp_replace(replaced, {list}, '\1 /*, ... */', 'g'),
                                    {rows}, '\1, \1', 'g')
                ELSE replaced END AS shape_text
    FROM shaped
)
SELECT session, line, logged_at,
       -- simple statements are logged after their own transaction, as number 0
       CASE WHEN transaction NOT LIKE '%/0' THEN transaction END AS transaction,
       nullif(application, '[unknown]') AS application, kind,
       try_cast(nullif(part.ms, '') AS DOUBLE) AS ms,
       nullif(regexp_extract(comment, {trace}, 1), '') AS trace,
       CASE WHEN comment <> '' THEN regexp_replace(comment, {volatile_tags}, '', 'g') END AS tags,
       hash(shape_text) AS text_hash,
       shape_text AS text,
       CASE WHEN kind = 'plan' THEN part.text
            WHEN full_text IS NULL THEN NULL
            WHEN detail[:14] ILIKE 'parameters: $%' THEN detail[13:]
            WHEN part.kind = 'statement' AND detail LIKE 'prepare: %' THEN part.text
            ELSE nullif(array_to_string(regexp_extract_all(statement, {literal}), chr(31)), '')
            END AS given
FROM listed;
