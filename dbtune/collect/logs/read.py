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
from dbtune.collect.logs.pieces import Counts, is_clean, line_count, mended, pieces
from dbtune.collect.logs.plans import PLAN_LONGEST_BYTES, logged_plans
from dbtune.collect.logs.shapes import number_shapes
from dbtune.collect.logs.source import Source
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
                    _take(engine, piece, folder, counts)
                told.step()
            told.stage("finding units of work")
            if not engine.rows("SELECT 1 FROM entry WHERE text IS NOT NULL LIMIT 1"):
                raise nothing_found(paths)
            left_out = number_shapes(engine)
            plans = logged_plans(engine, show_values=show_values)
            traffic = traffic_of(engine, plans, lines=counts.lines, damaged_lines=counts.damaged)
            told_of = gaps(engine, counts, left_out)
    return replace(traffic, shows_values=show_values, not_collected=told_of)


def _take(engine: Engine, piece: Source, folder: Path, counts: Counts) -> None:
    """Take a piece in; what the engine stumbles over is mended first, where that can help."""
    with ThreadPoolExecutor(1) as beside:
        lines = None if piece.format == "stderr" else beside.submit(line_count, piece.path)
        try:
            counts.damaged += _ingest(engine, piece)
        except Unreadable:
            if piece.is_mended:
                counts.damaged += line_count(piece.path)
                return
            for part in mended(piece, folder, counts):
                _take(engine, part, folder, counts)
            return
        counts.lines += lines.result() if lines else 0


def _ingest(engine: Engine, piece: Source) -> int:
    """Insert a piece's entries; returns how many lines or records could not be read.

    Entries of 100 KB and more are many megabytes a batch: they get more memory if they want it.

    Raises:
        BadInput: its entries are beyond all bounds.
        Unreadable: it has to be mended first.
    """
    for factor in _FACTORS:
        engine.limit(factor * (READING_JSON_MB if piece.format == "jsonlog" else WORKING_MB))
        try:
            with engine.attempt():
                damaged = _insert(engine, piece)
                if damaged and not (piece.is_mended or is_clean(piece)):
                    raise Unreadable
        except TooLarge:
            continue
        engine.limit(WORKING_MB)
        return damaged
    raise BadInput(
        f"The entries of {piece.path} are too long to read in a gigabyte of memory.",
        "Let the server log shorter ones: log_parameter_max_length = 1024.",
    )


def _insert(engine: Engine, piece: Source) -> int:
    compression = "gzip" if piece.packed else "none"
    common = {"file": piece.path, "compression": compression}
    if piece.format == "csvlog":
        spare = tuple(f"column_{number}" for number in range(len(_CSV_NAMES), piece.width))
        columns = dict.fromkeys((_CSV_NAMES + spare)[: piece.width], "VARCHAR")
        engine.run("csvlog", **common, columns=columns, buffer_bytes=_BUFFER_BYTES)
    elif piece.format == "jsonlog":
        engine.run("jsonlog", **common)
    else:
        engine.run("textlog", file=piece.path, buffer_bytes=_BUFFER_BYTES)
    before = _damaged(engine)
    engine.run(
        "ingest", literal=LITERAL, sign=_SIGN, longest=TEXT_LONGEST_BYTES,
        longest_given=VALUES_LONGEST_BYTES, long=_LONG, list=_LIST, rows=_ROWS, trace=_TRACE,
        volatile_tags=_VOLATILE_TAGS, longest_plan=PLAN_LONGEST_BYTES,
    )  # fmt: skip
    return _damaged(engine) - before


def _damaged(engine: Engine) -> int:
    """Entries of no known kind, and lines that the engine's CSV reader refused."""
    ((entries,),) = engine.rows("SELECT count(*) FROM entry WHERE kind = 'damaged'")
    if not engine.rows("FROM duckdb_tables() WHERE table_name = 'reject_errors'"):
        return int(entries)
    ((rejected,),) = engine.rows("SELECT count(DISTINCT (scan_id, line)) FROM reject_errors")
    return int(entries) + int(rejected)
