"""pg_stat_statements: which of its rows belong to the workload, and how their counters grew."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import psycopg

from dbtune.collect import missing
from dbtune.collect.queries import version_tuple
from dbtune.collect.session import Row, Session, utc_now
from dbtune.progress import Progress
from dbtune.snapshot.catalog import Extension
from dbtune.snapshot.model import Counter, NotCollected, Reading, StatementStatistics
from dbtune.statement.tokens import tokens

HIDDEN_TEXT = "<insufficient privilege>"

# Work of dbtune itself, whichever version ran it.
_OWN_MARKS = ("/* dbtune */", "$dbtune$")

# Statements that read or write rows, or run one that does. What is not here is transaction
# control, session settings, DDL and maintenance: no index and no rewrite makes those faster.
_WORK = frozenset([
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy", "call",
    "do", "execute", "prepare", "declare", "fetch",
])  # fmt: skip


# Prepared by dbtune, whichever version and command.
_OWN_NAME = "dbtune_"

Key = tuple[int, int | None, bool]
"""What tells one row of pg_stat_statements from another within a database."""

Counts = tuple[str, Mapping[Key, Counter]]
"""When pg_stat_statements was read, and its counters then."""


def work_in(text: str, *, toplevel: bool = True) -> str | None:
    """The statement that reads or writes rows; None if there is none, or it is dbtune's own.

    `PREPARE name AS statement` is how pg_stat_statements may name a statement that was first seen
    there, whoever runs it afterwards: the statement alone is given back. Those that dbtune itself
    prepares it only explains, which counts for nested statements.
    """
    if any(mark in text for mark in _OWN_MARKS):
        return None
    words = tokens(text)
    first = next((token for token in words if not token.is_mark("(")), None)
    if first is None or not first.is_word(*_WORK):
        return None
    if not first.is_word("prepare"):
        return text
    name = next(words, None)
    begun = next((token for token in words if token.is_word("as")), None)
    if name is None or begun is None or (name.value.startswith(_OWN_NAME) and not toplevel):
        return None
    return work_in(text[begun.end :].lstrip())


@dataclass(frozen=True, slots=True)
class StatementReader:
    """Reads pg_stat_statements, which lies in `schema`."""

    session: Session
    schema: str

    def rows(self, *, with_texts: bool = True) -> list[Row]:
        """All rows of this database; none, and a NotCollected, if that is refused."""
        try:
            return self._query("statements", {"showtext": with_texts})
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            refused = missing.not_preloaded(error)
        except (
            psycopg.errors.CharacterNotInRepertoire,
            psycopg.errors.UntranslatableCharacter,
        ) as error:
            refused = missing.foreign_encoding(error, self.schema)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled) as error:
            refused = missing.failed(missing.STATEMENTS, error)
        if refused not in self.session.not_collected:
            self.session.not_collected.append(refused)
        return []

    def watch(self, seconds: float, readings: int, progress: Progress) -> tuple[Counts, ...]:
        """Counters at the begin of each part of `seconds`; texts are read once, afterwards.

        Between two readings no transaction is open.
        """
        parts = max(readings - 1, 1)
        progress.stage(f"watch for {seconds:g} s", total=parts)
        taken = []
        for _ in range(parts):
            taken.append(counts_of(utc_now(), self.rows(with_texts=False)))
            self.session.end()
            time.sleep(seconds / parts)
            self.session.begin()
            progress.step()
        return tuple(taken)

    def evictions(self) -> int | None:
        """How often rows were evicted for want of room; None where that is not counted."""
        if self.session.versions["pg_stat_statements"] < (1, 9):
            return None
        rows = self._query("evictions", {})
        return int(rows[0]["evictions"])

    def _query(self, name: str, parameters: Mapping[str, bool]) -> list[Row]:
        return self.session.rows(name, parameters, identifiers={"schema": self.schema})


def statement_reader(
    session: Session, extensions: Iterable[Extension], settings: Mapping[str, str]
) -> StatementReader | None:
    """The reader, or None and a NotCollected where the extension is not installed."""
    installed = next((e for e in extensions if e.name == "pg_stat_statements"), None)
    if installed is None:
        preloaded = "pg_stat_statements" in settings.get("shared_preload_libraries", "")
        session.not_collected.append(missing.no_extension(preloaded=preloaded))
        return None
    session.versions["pg_stat_statements"] = version_tuple(installed.version)
    return StatementReader(session, installed.schema)


def hidden_texts(role: str, rows: Iterable[Row], work: Sequence[Row]) -> NotCollected | None:
    """What to say of the rows whose text the role may not see; `work` are those it may."""
    hidden = [row for row in rows if row["text"] == HIDDEN_TEXT]
    if not hidden:
        return None
    total_ms = sum(row["total_exec_ms"] for row in (*hidden, *work)) or 1.0
    share = sum(row["total_exec_ms"] for row in hidden) / total_ms
    return missing.hidden_texts(role, len(hidden), share)


def worked(rows: Iterable[Row], *, min_calls: int, limit: int) -> list[Row]:
    """The rows that are work, the longest-running first, at most `limit` of them."""
    kept = [
        {**row, "text": text}
        for row in rows
        if row["calls"] >= min_calls
        and row["text"] != HIDDEN_TEXT
        and (text := work_in(row["text"], toplevel=row.get("toplevel", True)))
    ]
    kept.sort(key=lambda r: (-r["total_exec_ms"], r["text"], r["role"] or "", r["queryid"] or 0))
    return kept[:limit]


def statements_of(
    rows: Iterable[Row], search_paths: Mapping[int, Sequence[str]]
) -> tuple[StatementStatistics, ...]:
    """The rows as values; a role's own search path is told with its statements."""
    told = [{**row, "search_path": search_paths.get(row["role_oid"], ())} for row in rows]
    return msgspec.convert(told, tuple[StatementStatistics, ...])


def readings_of(rows: Sequence[Row], readings: Iterable[Counts]) -> tuple[Reading, ...]:
    """Each reading's counters, in the order of `rows`."""
    keys = [_key_of(row) for row in rows]
    return tuple(Reading(at, tuple(map(counters.get, keys))) for at, counters in readings)


def counts_of(at: str, rows: Iterable[Row]) -> Counts:
    """One reading of the counters."""
    return at, {_key_of(r): Counter(r["calls"], r["rows"], r["total_exec_ms"]) for r in rows}


def _key_of(row: Row) -> Key:
    return row["role_oid"], row["queryid"], row.get("toplevel", True)
