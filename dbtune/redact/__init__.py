"""A snapshot without a value of any row: what may be shown to others."""

from dbtune.redact.snapshot import redact

__all__ = ["redact"]
