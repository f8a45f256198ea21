"""The statements to measure: from pg_stat_statements, a workload file or a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.bench.ground import read_ground
from dbtune.bench.logged import LoggedValues, with_logged
from dbtune.bench.measure import first_line
from dbtune.bench.parameters import ParameterSet, draw
from dbtune.bench.roles import Prepared, prepare
from dbtune.bench.runnable import runnable
from dbtune.bench.task import NotMeasured, Run, Task, not_run_because
from dbtune.collect.statements import work_in
from dbtune.errors import MissingPrivilege
from dbtune.statement.fingerprint import fingerprint
from dbtune.statement.label import without_select_list


@dataclass(frozen=True, slots=True)
class SentStatement:
    """A statement as the application sends it, how often, and its share of the workload's time."""

    fingerprint: str
    text: str
    calls: float
    share: float = 0.0

    @classmethod
    def merged(cls, rows: Iterable[tuple[str, float, float]]) -> tuple[SentStatement, ...]:
        """Of text, calls and total time, in their order; texts that mean the same are one."""
        found: dict[str, tuple[str, float, float]] = {}
        for text, calls, total_ms in rows:
            name = fingerprint(text)
            first, more, longer = found.get(name, (text, 0.0, 0.0))
            found[name] = (first, calls + more, total_ms + longer)
        whole_ms = sum(total_ms for _, _, total_ms in found.values()) or 1.0
        return tuple(
            cls(name, text, calls, total_ms / whole_ms)
            for name, (text, calls, total_ms) in found.items()
        )


def read_sent(connection: Connection[Any]) -> tuple[SentStatement, ...]:
    """The work of the current database, by total time; texts that mean the same are one.

    Raises:
        MissingPrivilege: pg_stat_statements is not there or not readable.
    """
    try:
        rows = connection.execute(
            "SELECT /* dbtune */ query, sum(calls)::float8, sum(total_exec_time) "
            "FROM pg_stat_statements "
            "WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND toplevel GROUP BY query ORDER BY sum(total_exec_time) DESC, query"
        ).fetchall()
    except psycopg.Error as error:
        raise MissingPrivilege(
            f"pg_stat_statements cannot be read here: {first_line(error)}.",
            "Name the statements with --workload FILE.sql or --from report.json.",
        ) from error
    return SentStatement.merged(
        (text, calls, total_ms) for query, calls, total_ms in rows if (text := work_in(query))
    )


def plan_tasks(
    connection: Connection[Any],
    statements: Sequence[SentStatement],
    seed: int,
    logged: Mapping[str, Sequence[LoggedValues]] | None = None,
) -> tuple[tuple[Task, ...], tuple[NotMeasured, ...]]:
    """Give every statement its parameter sets; both sides of the change get the same ones.

    Args:
        connection: to the database to measure on.
        statements: what to measure.
        seed: draws what the log does not hold.
        logged: values that the application sent, by fingerprint.
    """
    prepared: list[tuple[SentStatement, Prepared]] = []
    refused: list[NotMeasured] = []
    for sent in statements:
        why_not = not_run_because(sent.text)
        if why_not:
            refused.append(_not_measured(sent, why_not))
            continue
        try:
            text = runnable(connection, sent.text)
            prepared.append((replace(sent, text=text), prepare(connection, text)))
        except psycopg.Error as error:
            if connection.closed:
                raise
            reason = f"its normalized text cannot be run: {first_line(error)}"
            if isinstance(error, psycopg.errors.UndefinedTable):
                reason += f" (search_path is {_search_path(connection)})"
            refused.append(_not_measured(sent, reason))
    ground = read_ground(connection, [p for _, p in prepared])
    tasks = [
        _task(
            sent,
            with_logged(p, ground, draw(p, ground, seed), (logged or {}).get(sent.fingerprint, ())),
        )
        for sent, p in prepared
    ]
    return tuple(tasks), tuple(refused)


def _task(sent: SentStatement, sets: Sequence[ParameterSet]) -> Task:
    runs = tuple((Run(sent.text, s.values),) for s in sets)
    return Task(
        fingerprint=sent.fingerprint,
        label=without_select_list(sent.text),
        calls=sent.calls,
        before=runs,
        after=runs,
        kinds=tuple(s.kind for s in sets),
        guessed=sets[0].guessed,
        share=sent.share,
    )


def _search_path(connection: Connection[Any]) -> str:
    row = connection.execute("SELECT /* dbtune */ current_setting('search_path')").fetchone()
    return str(row[0]) if row else ""


def _not_measured(sent: SentStatement, reason: str) -> NotMeasured:
    return NotMeasured(sent.fingerprint, sent.text, sent.calls, reason, sent.share)
