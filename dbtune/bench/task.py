"""What is measured: one statement (or a few that belong together) before and after a change."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbtune.bench.parameters import Kind

Values = tuple[str | None, ...]

_LEADING = re.compile(r"\A(?:\s|--[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_WRITES = re.compile(r"\b(insert|update|delete|merge)\b", re.IGNORECASE)
_RUNNABLE = re.compile(r"(select|with|insert|update|delete|merge|values|table)\b", re.IGNORECASE)

_LASTING = re.compile(
    r"\b(pg_(?:try_)?advisory_(?:un)?lock\w*|set_config|setval|lo_\w+|dblink\w*|pg_sleep\w*"
    r"|pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile|pg_(?:stat_)\w*reset\w*"
    r"|pg_switch_wal|pg_promote|pg_create_\w+|pg_drop_\w+|pg_replication_\w+)\s*\(",
    re.IGNORECASE,
)
"""What lasts after ROLLBACK, or waits on purpose."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: a text with `$n` and its values as the server's text forms."""

    text: str
    values: Values = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the benchmark.

    `before` and `after` hold one group of runs per parameter set; both sides of an index change
    hold the same runs, a rewrite's differ. `calls` weights the task within the workload, `kinds`
    names the parameter sets, `guessed` the parameters for which only the type was known, `share`
    is the statement's part of the workload's time (0 to 1; 0 where unknown).
    """

    fingerprint: str
    label: str
    calls: float
    before: tuple[tuple[Run, ...], ...]
    after: tuple[tuple[Run, ...], ...]
    kinds: tuple[Kind, ...]
    guessed: tuple[int, ...] = ()
    share: float = 0.0

    @property
    def text(self) -> str:
        return self.before[0][0].text

    @property
    def writes(self) -> bool:
        return any(_WRITES.search(r.text) for group in (*self.before, *self.after) for r in group)


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A statement without figures, and why; `share` as with Task."""

    fingerprint: str
    text: str
    calls: float
    reason: str
    share: float = 0.0


def not_run_because(text: str) -> str:
    """Why a statement cannot be run again and rolled back; "" for queries and DML."""
    start = _LEADING.match(text)
    if not _RUNNABLE.match(text, start.end() if start else 0):
        return "not a query and not DML"
    lasting = _LASTING.search(text)
    return f"it calls {lasting[1].lower()}, which no rollback undoes" if lasting else ""
