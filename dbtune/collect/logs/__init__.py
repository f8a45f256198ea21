"""Server logs: csvlog, jsonlog, stderr and syslog text, packed or not, in bounded memory."""

from dbtune.collect.logs.alone import snapshot_of_logs, statements_of_logs
from dbtune.collect.logs.gaps import settings_gaps
from dbtune.collect.logs.read import read_logs

__all__ = ["read_logs", "settings_gaps", "snapshot_of_logs", "statements_of_logs"]
