"""The only reader of target servers, and of their logs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbtune.collect.collector import CollectOptions, collect

__all__ = ["CollectOptions", "collect"]


def __getattr__(name: str) -> Any:
    """Import the collector when it is asked for: logs are read without a server's driver."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module("dbtune.collect.collector"), name)
