-- The units in which a shape repeats: for every shape the first {units_per_shape} of them, fewer
-- of long ones, shapes by turns, until {sample_length} executions are in hand.
CREATE TABLE sampled AS
WITH repeated AS (
    SELECT unit, shape, min(position) AS first_at, count(*) AS runs
    FROM run GROUP BY unit, shape HAVING count(*) >= {least_runs}
), measured AS (
    SELECT unit, count(*) AS length FROM run GROUP BY unit
), ranked AS (
    SELECT unit, shape, length, row_number() OVER by_turns AS turn,
           sum(length) OVER by_turns - length AS before
    FROM repeated JOIN measured USING (unit)
    WINDOW by_turns AS (PARTITION BY shape ORDER BY first_at, unit
                        ROWS UNBOUNDED PRECEDING)
), chosen AS (
    SELECT unit, length, min(turn) AS turn, min(shape) AS shape FROM ranked
    WHERE turn <= {units_per_shape} AND before < {shape_length} GROUP BY unit, length
), sized AS (
    SELECT unit, sum(length) OVER (ORDER BY turn, shape, unit
                                   ROWS UNBOUNDED PRECEDING) - length AS before
    FROM chosen
)
SELECT unit FROM sized WHERE before < {sample_length};
