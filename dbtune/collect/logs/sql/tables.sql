-- What is kept of a log while it is read: slim rows, on disk when memory runs short.
CREATE TABLE entry (
    session      VARCHAR,
    line         BIGINT,
    logged_at           TIMESTAMP,
    transaction  VARCHAR,   -- virtual transaction id, NULL where the log has none
    application  VARCHAR,
    kind         VARCHAR,   -- statement, execute, fetch, parse, bind, plan, duration, error
    ms           DOUBLE,    -- NULL: the log tells it on a line of its own, or not at all
    trace        VARCHAR,
    tags         VARCHAR,
    text_hash    UBIGINT,
    text         VARCHAR,   -- literals as $0
    given        VARCHAR    -- parameters or literals; for kind plan the entry itself
);
