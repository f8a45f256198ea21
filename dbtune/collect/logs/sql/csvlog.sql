-- One csvlog file as raw entries. {columns} depends on the server's version.
CREATE OR REPLACE TEMP VIEW raw AS
SELECT session_id AS session, try_cast(session_line_num AS BIGINT) AS line, log_time AS logged_at,
       nullif(virtual_transaction_id, '') AS transaction, application_name AS application,
       error_severity AS severity, sql_state_code AS sqlstate, message, detail
FROM read_csv({file}, columns = {columns}, auto_detect = false, header = false, delim = ',',
              quote = '"', escape = '"', ignore_errors = {skips}, strict_mode = false,
              max_line_size = 4194304, buffer_size = {buffer_bytes},
              store_rejects = {skips}, rejects_limit = 0, compression = 'none');
