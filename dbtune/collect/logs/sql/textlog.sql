-- Records of a stderr or syslog text, written as CSV by stderr.py.
CREATE OR REPLACE TEMP VIEW raw AS
SELECT * FROM read_csv({file}, auto_detect = false, header = false, delim = ',', quote = '"',
                       escape = '"', max_line_size = 4194304, buffer_size = {buffer_bytes},
                       columns = {{session: 'VARCHAR', line: 'BIGINT', logged_at: 'VARCHAR',
                                  transaction: 'VARCHAR', application: 'VARCHAR',
                                  severity: 'VARCHAR', sqlstate: 'VARCHAR',
                                  message: 'VARCHAR', detail: 'VARCHAR'}});
