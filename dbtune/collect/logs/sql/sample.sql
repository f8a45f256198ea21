-- The units in which a shape repeats: for every shape the first {units_per_shape} of them,
-- shapes by turns, until {sample_length} executions are in hand.
CREATE TABLE sampled AS
WITH repeated AS (
    SELECT unit, shape, min(position) AS first_at, count(*) AS runs
    FROM run GROUP BY unit, shape HAVING count(*) >= {least_runs}
), ranked AS (
    SELECT unit, shape,
           row_number() OVER (PARTITION BY shape ORDER BY first_at, unit) AS turn
    FROM repeated
), chosen AS (
    SELECT unit, min(turn) AS turn, min(shape) AS shape FROM ranked
    WHERE turn <= {units_per_shape} GROUP BY unit
), sized AS (
    SELECT unit, turn, shape, length,
           coalesce(sum(length) OVER (ORDER BY turn, shape, unit
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM chosen JOIN (SELECT unit, count(*) AS length FROM run GROUP BY unit) USING (unit)
)
SELECT unit FROM sized WHERE before < {sample_length};
