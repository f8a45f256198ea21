-- One jsonlog file as raw entries.
CREATE OR REPLACE TEMP VIEW raw AS
SELECT session_id AS session, line_num AS line, "timestamp" AS logged_at, vxid AS transaction,
       application_name AS application, error_severity AS severity, state_code AS sqlstate,
       message, detail
FROM read_ndjson({file}, ignore_errors = {skips}, compression = 'none',
                 maximum_object_size = 4194304,
                 columns = {{session_id: 'VARCHAR', line_num: 'BIGINT', "timestamp": 'VARCHAR',
                            vxid: 'VARCHAR', application_name: 'VARCHAR',
                            error_severity: 'VARCHAR', state_code: 'VARCHAR',
                            message: 'VARCHAR', detail: 'VARCHAR'}});
