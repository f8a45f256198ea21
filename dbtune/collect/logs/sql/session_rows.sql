-- Every execution with its place: unit, transaction, the client's pause before it.
-- Executions that the log times on a line of its own take the next such line of their session.
CREATE TABLE run AS
WITH classed AS (
    SELECT entry.session, entry.line, entry.logged_at, entry.transaction, entry.application, entry.kind,
           entry.trace, entry.tags, entry.given, shape.number AS shape,
           CASE WHEN entry.kind = 'error' THEN 'error'
                WHEN entry.kind IN ('statement', 'execute') THEN shape.class
                END AS class,
           coalesce(entry.ms, CASE WHEN entry.kind IN ('statement', 'execute')
                                   THEN lead(CASE WHEN entry.kind = 'duration' THEN entry.ms END)
                                        OVER (PARTITION BY session ORDER BY line) END,
                    0) AS ms,
           entry.ms IS NULL AS timed_later
    FROM entry LEFT JOIN shape USING (text_hash)
), spaced AS (
    -- the time before each line in which the session did nothing that the log knows of
    SELECT *,
           coalesce(epoch_ms(logged_at) - lag(epoch_ms(logged_at)) OVER session
                    - CASE WHEN timed_later THEN 0 ELSE ms END, 0) AS space_ms,
           coalesce(lag(kind) OVER session IN ('parse', 'bind'), false) AS same_message
    FROM classed
    WINDOW session AS (PARTITION BY session ORDER BY line)
), busy AS (
    SELECT *,
           sum(CASE WHEN same_message THEN 0 ELSE space_ms END) OVER session AS waited_ms,
           sum(CASE WHEN same_message THEN space_ms ELSE 0 END) OVER session AS relayed_ms,
           sum(CASE WHEN class = 'begin' THEN 1 ELSE 0 END) OVER session AS begun,
           sum(CASE WHEN class = 'end' THEN 1 ELSE 0 END) OVER session AS ended
    FROM spaced
    WINDOW session AS (PARTITION BY session ORDER BY line ROWS UNBOUNDED PRECEDING)
), placed AS (
    SELECT *,
           lag(class) OVER session AS previous_class,
           lag(tags) OVER session AS previous_tags,
           lag(logged_at) OVER session AS previous_at,
           waited_ms - lag(waited_ms) OVER session AS idle_ms,
           relayed_ms - lag(relayed_ms) OVER session AS relay_ms
    FROM busy
    WHERE class IS NOT NULL
    WINDOW session AS (PARTITION BY session ORDER BY line)
), bounded AS (
    SELECT *,
           sum(CASE WHEN previous_at IS NULL OR idle_ms > {pause_ms}
                         OR class = 'reset' OR previous_class IN ('reset', 'ping', 'error')
                         OR tags IS DISTINCT FROM previous_tags
                             AND class = 'query' AND previous_class = 'query'
                    THEN 1 ELSE 0 END) OVER (PARTITION BY session ORDER BY line ROWS UNBOUNDED PRECEDING) AS stretch
    FROM placed
)
SELECT session, line, logged_at, ms, idle_ms, relay_ms, shape, application, tags, given, trace,
       CASE WHEN trace IS NOT NULL THEN trace
            ELSE session || ' ' || stretch || ' '
                 || (row_number() OVER (PARTITION BY session, stretch ORDER BY line)
                     // {unit_length}) END AS unit,
       CASE WHEN begun > ended THEN session || ' ' || begun
            ELSE session || ' ' || transaction END AS transaction
FROM bounded
WHERE class = 'query';
