"""The only reader of target servers."""

from dbtune.collect.collector import CollectOptions, collect

__all__ = ["CollectOptions", "collect"]
