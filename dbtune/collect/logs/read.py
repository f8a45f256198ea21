"""Server logs to Traffic: read, shape, place in units, keep those where something repeats."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from dbtune.collect.logs.engine import (
    READING_JSON_MB,
    WORKING_MB,
    Engine,
    TooLarge,
    Unreadable,
    open_engine,
)
from dbtune.collect.logs.gaps import gaps, nothing_found
from dbtune.collect.logs.pieces import Counts, parts, pieces
from dbtune.collect.logs.plans import PLAN_LONGEST_BYTES, logged_plans
from dbtune.collect.logs.shapes import number_shapes
from dbtune.collect.logs.source import Source, line_count
from dbtune.collect.logs.units import LITERAL, traffic_of
from dbtune.errors import BadInput
from dbtune.progress import Progress, Silent
from dbtune.traffic import Traffic

_SIGN = r"([=(,<>]\s*)-(\$0)"
_LIST = (
    r"(?i)(\b(?:in\s*\(|array\s*\[)\s*\$[0-9]+(?:::[\w ]+)?)"
    r"(?:\s*,\s*\$[0-9]+(?:::[\w ]+)?)+"
)
_ROW = r"\((?:\$[0-9]+|default|null|now\(\)|true|false|::[\w ]+|[\s,])+\)"
_ROWS = rf"(?i)({_ROW})(?:\s*,\s*{_ROW})+"
# Lists worth shortening before fingerprints do: of four values or more, or of several rows.
_LONG = r"(?:\$[0-9]+\s*,\s*){3}|\)\s*,\s*\("
_TRACE = r"traceparent='[0-9a-f]{2}-([0-9a-f]{32})-"
_VOLATILE_TAGS = r",?\b(?:traceparent|tracestate)='[^']*'"
TEXT_LONGEST_BYTES = 64 << 10
"""Of a longer statement the beginning is read: no loop is made of such."""

VALUES_LONGEST_BYTES = 4 << 10

_BUFFER_BYTES = 8 << 20
_FACTORS = (1, 3, 9)
_CSV_NAMES = (
    "log_time", "user_name", "database_name", "process_id", "connection_from", "session_id",
    "session_line_num", "command_tag", "session_start_time", "virtual_transaction_id",
    "transaction_id", "error_severity", "sql_state_code", "message", "detail", "hint",
    "internal_query", "internal_query_pos", "context", "query", "query_pos", "location",
    "application_name", "backend_type", "leader_pid", "query_id",
)  # fmt: skip


def read_logs(
    paths: Sequence[Path],
    *,
    line_prefix: str | None = None,
    show_values: bool = False,
    progress: Progress | None = None,
) -> Traffic:
    """The traffic in a set of log files, which may be of different formats and ages.

    Args:
        paths: files, folders of files, or `-` for standard input; gzip is seen by itself.
        line_prefix: log_line_prefix of stderr files; None looks for a usual one.
        show_values: whether reports may print logged values.
        progress: told of each file.

    Raises:
        BadInput: a file cannot be read, or none holds an executed statement.
    """
    told = progress or Silent()
    with tempfile.TemporaryDirectory(prefix="dbtune-logs-") as name:
        folder = Path(name)
        with open_engine(folder) as engine:
            engine.run("tables")
            counts = Counts()
            told.stage("reading logs", len(paths))
            for path in paths:
                for piece in pieces(path, folder, line_prefix, counts):
                    if piece.is_ours:
                        counts.damaged += _ingest(engine, piece)
                    elif not _is_taken_whole(engine, piece, counts):
                        for part in parts(piece, folder, line_prefix, counts):
                            counts.damaged += _ingest(engine, part)
                told.step()
            told.stage("finding units of work")
            if not engine.rows("SELECT 1 FROM entry WHERE text IS NOT NULL LIMIT 1"):
                raise nothing_found(paths)
            left_out = number_shapes(engine)
            plans = logged_plans(engine, show_values=show_values)
            traffic = traffic_of(engine, plans, lines=counts.lines, damaged_lines=counts.damaged)
            told_of = gaps(engine, counts, left_out)
    return replace(traffic, shows_values=show_values, not_collected=told_of)


def _is_taken_whole(engine: Engine, file: Source, counts: Counts) -> bool:
    """Insert a file's entries where it lies, if none is damaged; else nothing.

    That is quicker than to write it anew; but of a damaged one the engine keeps too much.
    """
    engine.limit(READING_JSON_MB if file.format == "jsonlog" else WORKING_MB)
    with ThreadPoolExecutor(1) as beside:
        lines = beside.submit(line_count, file.path)
        try:
            with engine.attempt():
                if _insert(engine, file):
                    raise Unreadable
        except (TooLarge, Unreadable):
            return False
        finally:
            engine.limit(WORKING_MB)
        counts.lines += lines.result()
        return True


def _ingest(engine: Engine, piece: Source) -> int:
    """Insert a piece's entries; returns how many lines or records could not be read.

    Entries of 100 KB and more are many megabytes a batch: they get more memory if they want it.

    Raises:
        BadInput: its entries are beyond all bounds.
    """
    for factor in _FACTORS:
        engine.limit(factor * (READING_JSON_MB if piece.format == "jsonlog" else WORKING_MB))
        try:
            with engine.attempt():
                damaged = _insert(engine, piece)
        except TooLarge:
            continue
        except Unreadable:
            damaged = piece.lines
        engine.limit(WORKING_MB)
        return damaged
    raise BadInput(
        f"The entries of {piece.path} are too long to read in a gigabyte of memory.",
        "Let the server log shorter ones: log_parameter_max_length = 1024.",
    )


def _insert(engine: Engine, piece: Source) -> int:
    if piece.format == "csvlog":
        spare = tuple(f"column_{number}" for number in range(len(_CSV_NAMES), piece.width))
        columns = dict.fromkeys((_CSV_NAMES + spare)[: piece.width], "VARCHAR")
        engine.run(
            "csvlog", file=piece.path, columns=columns, buffer_bytes=_BUFFER_BYTES,
            skips=piece.is_ours,
        )  # fmt: skip
    elif piece.format == "jsonlog":
        engine.run("jsonlog", file=piece.path, skips=piece.is_ours)
    else:
        engine.run("textlog", file=piece.path, buffer_bytes=_BUFFER_BYTES)
    before = _damaged(engine)
    engine.run(
        "ingest", literal=LITERAL, sign=_SIGN, longest=TEXT_LONGEST_BYTES,
        longest_given=VALUES_LONGEST_BYTES, long=_LONG, list=_LIST, rows=_ROWS, trace=_TRACE,
        volatile_tags=_VOLATILE_TAGS, longest_plan=PLAN_LONGEST_BYTES,
    )  # fmt: skip
    return _damaged(engine) - before + _rejected(engine)


def _damaged(engine: Engine) -> int:
    """Entries of no known kind."""
    ((entries,),) = engine.rows("SELECT count(*) FROM entry WHERE kind = 'damaged'")
    return int(entries)


def _rejected(engine: Engine) -> int:
    """Lines that the engine's CSV reader refused since the last call; it would keep them all."""
    if not engine.rows("FROM duckdb_tables() WHERE table_name = 'reject_errors'"):
        return 0
    ((lines,),) = engine.rows("SELECT count(DISTINCT (scan_id, line)) FROM reject_errors")
    engine.rows("DROP TABLE reject_errors")
    engine.rows("DROP TABLE reject_scans")
    return int(lines)
