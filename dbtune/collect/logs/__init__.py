"""Server logs: csvlog, jsonlog, stderr and syslog text, packed or not, in bounded memory."""

from dbtune.collect.logs.read import read_logs

__all__ = ["read_logs"]
