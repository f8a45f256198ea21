-- Every execution with its place: unit, transaction, the client's pause before it. Rows are sorted
-- once by session; windows then run along that order, and look whether the session is the same.
-- Executions that the log times on a line of its own take the next such line of their session.
SET preserve_insertion_order = true;

CREATE TABLE run AS
WITH ordered AS (
    SELECT entry.rowid AS entry, entry.session, entry.transaction, entry.at_ms, entry.kind, entry.ms,
           entry.trace, hash(entry.tags) AS tags, shape.number AS shape,
           CASE WHEN entry.kind = 'error' THEN 'error'
                WHEN entry.kind IN ('statement', 'execute') OR entry.kind = 'plan' AND {plans_count}
                THEN shape.class END AS class
    FROM entry LEFT JOIN shape USING (text_hash)
    WHERE entry.kind <> 'damaged'
    ORDER BY entry.session, entry.line
), neighbours AS (
    SELECT *,
           row_number() OVER () AS position,
           lag(session) OVER () IS NOT DISTINCT FROM session AS is_same_session,
           lag(kind) OVER () IN ('parse', 'bind') AS follows_message,
           at_ms - lag(at_ms) OVER () - coalesce(ms, 0) AS space_ms,
           CASE WHEN ms IS NULL AND lead(kind) OVER () = 'duration'
                     AND lead(session) OVER () = session
                THEN lead(ms) OVER () ELSE ms END AS exec_ms
    FROM ordered
), summed AS (
    SELECT *,
           sum(CASE WHEN is_same_session AND NOT follows_message THEN space_ms ELSE 0 END)
               OVER (ROWS UNBOUNDED PRECEDING) AS waited_ms,
           max(CASE WHEN class = 'begin' THEN position ELSE 0 END)
               OVER (ROWS UNBOUNDED PRECEDING) AS begun_at,
           max(CASE WHEN class = 'end' THEN position ELSE 0 END)
               OVER (ROWS UNBOUNDED PRECEDING) AS ended_at,
           max(CASE WHEN is_same_session THEN 0 ELSE position END)
               OVER (ROWS UNBOUNDED PRECEDING) AS session_at
    FROM neighbours
), placed AS (
    SELECT *,
           lag(session_at) OVER () IS NOT DISTINCT FROM session_at AS has_previous,
           lag(class) OVER () AS previous_class,
           lag(tags) OVER () AS previous_tags,
           lag(trace) OVER () IS NOT DISTINCT FROM trace AS has_same_trace,
           waited_ms - lag(waited_ms) OVER () AS idle_ms
    FROM summed
    WHERE class IS NOT NULL
), bounded AS (
    SELECT *,
           max(CASE WHEN NOT has_previous OR idle_ms > {pause_ms}
                         OR class = 'reset' OR previous_class IN ('reset', 'ping', 'error')
                         OR tags IS DISTINCT FROM previous_tags
                             AND class = 'query' AND previous_class = 'query'
                    THEN position ELSE 0 END) OVER (ROWS UNBOUNDED PRECEDING) AS stretch_at,
           lead(class) OVER () AS next_class
    FROM placed
), lent AS (
    -- a pool that lends a connection for one statement resets it after each
    SELECT *, trace IS NULL AND stretch_at = position AND next_class = 'reset' AS is_lent
    FROM bounded
)
SELECT position, entry, session, at_ms, coalesce(exec_ms, 0) AS ms, shape,
       -- a unit over several sessions did not wait for what ran in them before
       CASE WHEN has_previous AND has_same_trace AND NOT is_lent THEN idle_ms ELSE 0 END AS idle_ms,
       CASE WHEN trace IS NOT NULL THEN 'trace' WHEN is_lent THEN 'pool' ELSE 'session' END
           ::unit_origin AS origin,
       CASE WHEN trace IS NOT NULL THEN trace
            WHEN is_lent THEN hash(tags, at_ms // {pool_slice_ms})
            ELSE hash(stretch_at, (position - stretch_at) // {unit_length}) END AS unit,
       CASE WHEN transaction IS NOT NULL THEN transaction
            WHEN begun_at > ended_at AND begun_at > session_at THEN begun_at
            END::UBIGINT AS transaction
FROM lent
WHERE class = 'query';
