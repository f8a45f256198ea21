-- What is kept of a log while it is read: slim rows, on disk when memory runs short.
CREATE TYPE entry_kind AS ENUM (
    'statement', 'execute', 'fetch', 'parse', 'bind', 'plan', 'duration', 'error', 'damaged');
CREATE TYPE unit_origin AS ENUM ('trace', 'session', 'pool');
CREATE TABLE entry (
    session      UBIGINT,   -- a hash, as are transaction and trace
    line         BIGINT,
    at_ms        BIGINT,
    transaction  UBIGINT,   -- virtual transaction id, NULL where the log has none
    kind         entry_kind,
    ms           DOUBLE,    -- NULL: the log tells it on a line of its own, or not at all
    trace        UBIGINT,
    tags         VARCHAR,
    application  VARCHAR,
    text_hash    UBIGINT,
    text         VARCHAR,   -- literals as $0
    given        VARCHAR,   -- parameters or literals
    holding      VARCHAR,   -- or the text that still holds its literals
    plan         VARCHAR    -- as auto_explain wrote it
);
