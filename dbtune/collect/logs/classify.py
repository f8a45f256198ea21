"""What part a statement plays in a session: the work itself, or what bounds it."""

from __future__ import annotations

import re
from typing import Literal

ShapeClass = Literal["query", "begin", "end", "reset", "ping", "noise"]

_FIRST_WORDS = re.compile(r"\s*(?:\(\s*)*([a-zA-Z]+)(?:\s+([a-zA-Z]+))?")
_CATALOG = re.compile(
    r"\b(?:pg_catalog|information_schema)\b|\bpg_(?:type|class|namespace|attribute|settings"
    r"|stat\w*|proc|index|range|enum|database|roles?|extension|advisory\w*|backend_pid)\b",
    re.IGNORECASE,
)
_QUERY_WORDS = frozenset({"select", "insert", "update", "delete", "merge", "with", "values"})
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
_TO_SAVEPOINT = re.compile(r"\s*rollback\s+(?:work\s+|transaction\s+)?to\b", re.IGNORECASE)
_POOL_RESET = "pg_advisory_unlock_all"
_INTEGRITY_CHECK = re.compile(r"FROM ONLY .+ OPERATOR\(pg_catalog\.", re.DOTALL)


def classify(text: str) -> ShapeClass:
    """The part of a statement shape; `noise` is counted nowhere and bounds nothing.

    `reset` is what connection pools send when a client hands its connection back, `ping` what
    they send to see if it lives: both tell one unit of work from the next.
    """
    found = _FIRST_WORDS.match(text)
    word = found[1].lower() if found else ""
    pair = f"{word} {(found[2] or '').lower()}" if found else ""
    if word == "begin" or pair == "start transaction":
        return "begin"
    if word in ("commit", "end", "abort", "rollback") or pair == "prepare transaction":
        return "noise" if _TO_SAVEPOINT.match(text) else "end"
    if word in ("discard", "unlisten") or pair == "reset all" or _POOL_RESET in text:
        return "reset"
    if word in _QUERY_WORDS:
        return _classify_query(text, word)
    return "noise" if text.strip(" ;") else "ping"


def _classify_query(text: str, word: str) -> ShapeClass:
    reads = _FROM.search(text)
    if word in ("select", "values") and not reads:
        return "noise" if "(" in text and word == "select" else "ping"
    if _CATALOG.search(text) or _INTEGRITY_CHECK.search(text):
        return "noise"
    return "query"
