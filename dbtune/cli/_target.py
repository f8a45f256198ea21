"""From what the user named (a server, a snapshot file, nothing) to a Snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dbtune.collect import CollectOptions, collect
from dbtune.errors import BadInput
from dbtune.progress import Progress
from dbtune.snapshot.file import read_snapshot
from dbtune.snapshot.model import Snapshot
from dbtune.statement.workload_file import read_workload
from dbtune.traffic import Traffic


def is_file(target: str | None) -> bool:
    """True if TARGET names a snapshot file and not a server.

    A libpq URI has "://", a key=value string "="; anything else is a path.

    Raises:
        BadInput: the target is an empty word, which names nothing.
    """
    if target is not None and not target.strip():
        raise BadInput(
            "TARGET is empty.",
            "Is a variable of the shell not set? Leave TARGET out to connect as psql does.",
        )
    return target is not None and "://" not in target and "=" not in target


def snapshot_of(
    target: str | None,
    options: CollectOptions,
    progress: Progress,
    *,
    workload_file: Path | None = None,
) -> Snapshot:
    """The snapshot of TARGET; the statements of a workload file replace the server's.

    Raises:
        BadInput: the snapshot or workload file cannot be used.
        CannotConnect: the server cannot be reached.
        MissingPrivilege: the role may read nothing.
    """
    statements = read_workload(workload_file) if workload_file else None
    if target is not None and is_file(target):
        progress.stage("read snapshot")
        snapshot = read_snapshot(Path(target))
    else:
        snapshot = collect(target, options, progress)
    if statements is None:
        return snapshot
    return replace(snapshot, statements=statements, readings=())


def snapshot_and_traffic(
    target: str | None,
    options: CollectOptions,
    progress: Progress,
    *,
    workload_file: Path | None = None,
    logs: tuple[Path, ...] = (),
    line_prefix: str | None = None,
    show_values: bool = False,
) -> tuple[Snapshot, Traffic | None]:
    """The snapshot of TARGET and the traffic of logs; logs without a TARGET never connect.

    Raises:
        BadInput: a file cannot be used.
        CannotConnect: the server cannot be reached.
        MissingPrivilege: the role may read nothing.
    """
    if not logs:
        return snapshot_of(target, options, progress, workload_file=workload_file), None
    from dbtune.collect.logs import (
        read_logs,
        settings_gaps,
        snapshot_of_logs,
        statements_of_logs,
    )

    known = None
    if target is not None:
        known = snapshot_of(target, options, progress, workload_file=workload_file)
        line_prefix = line_prefix or known.settings.get("log_line_prefix")
    traffic = read_logs(logs, line_prefix=line_prefix, show_values=show_values, progress=progress)
    if known is None:
        return snapshot_of_logs(traffic), traffic
    unlogged = (*traffic.not_collected, *settings_gaps(known.settings))
    traffic = replace(traffic, not_collected=unlogged)
    if not known.statements:
        known = replace(known, statements=statements_of_logs(traffic))
    return known, traffic
