"""Server logs: csvlog, jsonlog, stderr and syslog text, packed or not, in bounded memory."""

from dbtune.collect.logs.alone import snapshot_of_logs, statements_of_logs
from dbtune.collect.logs.read import read_logs

__all__ = ["read_logs", "snapshot_of_logs", "statements_of_logs"]
