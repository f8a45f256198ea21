-- Raw entries to slim rows: the statement entries, and what bounds or times them.
-- Plain string functions before regular expressions.
INSERT INTO entry BY NAME
WITH said AS (
    SELECT *,
           session IS NULL OR logged_at IS NULL OR severity IS NULL AS is_damaged,
           CASE WHEN starts_with(message, 'duration: ')
                THEN substring(message, strpos(message, ' ms') + 3) ELSE '  ' || message END AS rest,
           CASE WHEN starts_with(message, 'duration: ')
                THEN try_cast(substring(message, 11, strpos(message, ' ms') - 11) AS DOUBLE) END AS ms
    FROM (SELECT * REPLACE (CASE WHEN strlen(message) > {longest} AND NOT contains(left(message, 60), 'plan:')
                                 THEN left(message, {longest}) ELSE message END AS message,
                            try_cast(left(logged_at, 23) AS TIMESTAMP) AS logged_at)
          FROM raw
          -- Half of a log is parse and bind. Those of a read that take less than the clock's tick,
          -- as "duration: 0.123 ms  bind x: SELECT", count as waiting; those of writes are
          -- needed to tell whether the client waited.
          WHERE NOT coalesce(starts_with(message, 'duration: 0.')
                             AND substring(message, 19, 7) IN ('  bind ', '  parse')
                             AND contains(upper(substring(message, 26, 80)), ': SELECT '), false))
    WHERE (severity = 'LOG' AND (starts_with(message, 'duration: ')
                                 OR starts_with(message, 'statement: ')
                                 OR starts_with(message, 'execute ')))
       OR sqlstate IN ('40001', '40P01')
       OR session IS NULL OR logged_at IS NULL OR severity IS NULL
), sorted AS (
    SELECT *,
           CASE WHEN is_damaged THEN 'damaged'::entry_kind
                WHEN severity <> 'LOG' THEN 'error'::entry_kind
                WHEN starts_with(rest, '  execute fetch from ') THEN 'fetch'::entry_kind
                WHEN starts_with(rest, '  execute ') THEN 'execute'::entry_kind
                WHEN starts_with(rest, '  statement: ') THEN 'statement'::entry_kind
                WHEN starts_with(rest, '  bind ') THEN 'bind'::entry_kind
                WHEN starts_with(rest, '  parse ') THEN 'parse'::entry_kind
                WHEN starts_with(rest, '  plan:') THEN 'plan'::entry_kind
                WHEN rest = '' THEN 'duration'::entry_kind
                ELSE 'damaged'::entry_kind END AS kind
    FROM said
), planned AS (
    -- auto_explain in its text and JSON formats; the others tell only their plan
    SELECT *,
           CASE WHEN kind <> 'plan' THEN NULL
                WHEN json_valid(substring(rest, 8)) THEN json_extract_string(substring(rest, 8), '$."Query Text"')
                ELSE regexp_extract(rest, '(?s)Query Text: (.*?)\n(?:Query Parameters: |[^\n]*\(cost=)', 1)
                END AS plan_text,
           CASE WHEN kind <> 'plan' THEN detail
                WHEN json_valid(substring(rest, 8))
                THEN 'parameters: ' || json_extract_string(substring(rest, 8), '$."Query Parameters"')
                ELSE 'parameters: ' || regexp_extract(rest, '\nQuery Parameters: ([^\n]*)', 1)
                END AS told
    FROM sorted
), texts AS (
    SELECT *,
           kind = 'statement' AND starts_with(told, 'prepare: ') AS is_prepared,
           starts_with(told, 'Parameters: $') OR starts_with(told, 'parameters: $')
               AS has_parameters,  -- the first letter since 16
           -- EXECUTE of SQL stands with its PREPARE in the detail
           CASE WHEN kind = 'statement' AND starts_with(told, 'prepare: ')
                THEN regexp_replace(told, '^(?is)prepare: prepare .*?\bas\s+', '')
                WHEN kind IN ('statement', 'execute') THEN substring(rest, strpos(rest, ': ') + 2)
                ELSE nullif(plan_text, '') END AS full_text
    FROM planned
), bare AS (
    SELECT *,
           CASE WHEN contains(full_text, '/*')
                THEN regexp_extract(full_text, '(?s)/\*(.*?)\*/', 1) END AS comment,
           CASE WHEN contains(full_text, '/*')
                THEN regexp_replace(full_text, '(?s)\s*/\*.*?\*/', '', 'g')
                ELSE full_text END AS statement
    FROM texts
), filled AS (
    SELECT *,
           CASE WHEN has_parameters OR is_prepared THEN statement  -- its literals are constants
                ELSE regexp_replace(statement, {literal}, '$0', 'g') END AS signed
    FROM bare
), shaped AS (
    SELECT *,
           CASE WHEN contains(signed, '-') AND NOT coalesce(has_parameters OR is_prepared, false)
                THEN regexp_replace(signed, {sign}, '\1\2', 'g') ELSE signed END AS replaced
    FROM filled
), listed AS (
    SELECT *,
           CASE WHEN strlen(replaced) > 300 AND regexp_matches(replaced, {long})
                THEN regexp_replace(regexp_replace(replaced, {list}, '\1 /*, ... */', 'g'),
                                    {rows}, '\1, \1', 'g')
                ELSE replaced END AS shape_text
    FROM shaped
)
SELECT * EXCLUDE all_given FROM (
SELECT hash(session) AS session, line, epoch_ms(logged_at) AS at_ms,
       -- simple statements are logged after their own transaction, as number 0
       CASE WHEN NOT ends_with(transaction, '/0') THEN hash(transaction) END AS transaction,
       kind, ms,
       CASE WHEN contains(comment, 'traceparent') AND regexp_matches(comment, {trace})
            THEN hash(regexp_extract(comment, {trace}, 1)) END AS trace,
       CASE WHEN comment <> '' THEN regexp_replace(comment, {volatile_tags}, '', 'g') END AS tags,
       nullif(application, '[unknown]') AS application,
       CASE WHEN shape_text IS NOT NULL THEN hash(shape_text) END AS text_hash,
       shape_text AS text,
       CASE WHEN kind = 'plan' AND strlen(rest) <= {longest_plan} THEN substring(rest, 9) END AS plan,
       CASE WHEN full_text IS NULL THEN NULL
            -- what log_parameter_max_length cut, is no value to compare
            WHEN has_parameters AND (ends_with(told, '...''') OR contains(told, '...'', $')) THEN NULL
            WHEN has_parameters THEN substring(told, 13)
            WHEN is_prepared THEN substring(rest, 14)
            WHEN strlen(statement) > {longest_given}
            THEN nullif(array_to_string(regexp_extract_all(statement, {literal}), chr(31)), '')
            END AS all_given,
       -- whole pages of values are no parameters of a loop
       CASE WHEN strlen(all_given) <= {longest_given} THEN all_given END AS given,
       -- most rows are only counted: their literals are taken out when somebody looks
       CASE WHEN all_given IS NULL AND has_parameters IS NOT TRUE
                 AND strlen(statement) <= {longest_given}
            THEN statement END AS holding
FROM listed);
