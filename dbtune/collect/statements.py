"""pg_stat_statements: which of its rows belong to the workload."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dbtune.collect.session import Row
from dbtune.snapshot.model import StatementStatistics

HIDDEN_TEXT = "<insufficient privilege>"

# Work of dbtune itself, whichever version ran it.
_OWN_MARK = "/* dbtune */"

_BEFORE_FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()*", re.DOTALL)
_FIRST_WORD = re.compile(r"[a-z]+", re.IGNORECASE)

# Statements that read or write rows, or run one that does. What is not here is transaction
# control, session settings, DDL and maintenance: no index and no rewrite makes those faster.
_WORK = frozenset([
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy", "call",
    "do", "execute", "prepare", "declare", "fetch",
])  # fmt: skip


def is_work(text: str) -> bool:
    """True if a statement reads or writes rows of relations and is not dbtune's own."""
    if _OWN_MARK in text:
        return False
    start = _BEFORE_FIRST_WORD.match(text)
    word = _FIRST_WORD.match(text, start.end() if start else 0)
    return word is not None and word.group().lower() in _WORK


def workload_of(
    rows: Iterable[Row],
    search_paths: Mapping[int, Sequence[str]],
    *,
    min_calls: int,
    limit: int,
) -> tuple[StatementStatistics, ...]:
    """The rows that are work, the longest-running first, at most `limit` of them."""
    kept = [
        {**row, "search_path": search_paths.get(row["role_oid"], ())}
        for row in rows
        if row["calls"] >= min_calls and row["text"] != HIDDEN_TEXT and is_work(row["text"])
    ]
    kept.sort(key=lambda r: (-r["total_exec_ms"], r["text"], r["role"] or "", r["queryid"] or 0))
    return msgspec.convert(kept[:limit], tuple[StatementStatistics, ...])
