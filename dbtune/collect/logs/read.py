"""Server logs to Traffic: read, shape, place in units, keep those where something repeats."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from dbtune.collect.logs.classify import classify
from dbtune.collect.logs.engine import Engine, open_engine
from dbtune.collect.logs.prefix import guess_pattern, line_pattern
from dbtune.collect.logs.source import STDIN, Source, open_bytes, sniff, sources
from dbtune.collect.logs.stderr import Records
from dbtune.collect.logs.units import traffic_of
from dbtune.errors import BadInput
from dbtune.progress import Progress, Silent
from dbtune.statement.fingerprint import fingerprint
from dbtune.traffic import Traffic

# Quoted strings and numbers; `$7` counts as a number so that it stays what it is: one value.
_LITERAL = r"(?:\b[EeBbXxNn])?'(?:[^']|'')*'|\$?\b[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\b"
_SIGN = r"([=(,<>]\s*)-([0-9])"
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
_BUFFER_BYTES = 16 << 20
_PIECE_BYTES = 64 << 20
_SEARCHED_BYTES = 1 << 20
_COUNTED_BYTES = 1 << 20
_RECORDS_PER_PIECE = 500_000
_CSV_NAMES = (
    "log_time", "user_name", "database_name", "process_id", "connection_from", "session_id",
    "session_line_num", "command_tag", "session_start_time", "virtual_transaction_id",
    "transaction_id", "error_severity", "sql_state_code", "message", "detail", "hint",
    "internal_query", "internal_query_pos", "context", "query", "query_pos", "location",
    "application_name", "backend_type", "leader_pid", "query_id",
)  # fmt: skip
_RECORD_START = re.compile(rb"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\{)")


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
            counts = _Counts()
            told.stage("reading logs", len(paths))
            for path in paths:
                for piece in _pieces(path, folder, line_prefix, counts):
                    _ingest(engine, piece, counts)
                told.step()
            _shape(engine, paths)
            told.stage("finding units of work")
            counts.take(engine)
            traffic = traffic_of(engine, lines=counts.lines, damaged_lines=counts.damaged)
    return replace(traffic, shows_values=show_values)


class _Counts:
    """Lines met so far."""

    def __init__(self) -> None:
        self.lines = 0
        self.damaged = 0

    def take(self, engine: Engine) -> None:
        """Add what the engine met and could not read."""
        ((unread,),) = engine.rows("SELECT count(*) FROM entry WHERE kind = 'damaged'")
        self.damaged += unread
        if engine.rows("FROM duckdb_tables() WHERE table_name = 'reject_errors'"):
            ((rejected,),) = engine.rows(
                "SELECT count(DISTINCT (scan_id, line)) FROM reject_errors"
            )
            self.damaged += rejected


def _ingest(engine: Engine, piece: Source, counts: _Counts) -> None:
    compression = "gzip" if piece.packed else "none"
    common = {"file": piece.path, "compression": compression}
    if piece.format == "csvlog":
        columns = dict.fromkeys(_CSV_NAMES[: piece.width], "VARCHAR")
        engine.run("csvlog", **common, columns=columns, buffer_bytes=_BUFFER_BYTES)
    elif piece.format == "jsonlog":
        engine.run("jsonlog", **common)
    else:
        engine.run("textlog", file=piece.path, buffer_bytes=_BUFFER_BYTES)
    counts.lines += 0 if piece.format == "stderr" else _line_count(piece)
    engine.run(
        "ingest", literal=_LITERAL, sign=_SIGN, long=_LONG, list=_LIST, rows=_ROWS, trace=_TRACE,
        volatile_tags=_VOLATILE_TAGS,
    )  # fmt: skip


def _line_count(piece: Source) -> int:
    with open_bytes(piece.path) as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_COUNTED_BYTES), b""))


def _shape(engine: Engine, paths: Sequence[Path]) -> None:
    """Number the distinct statement shapes; texts with one fingerprint share a number."""
    texts = engine.rows(
        "SELECT text_hash, any_value(text) FROM entry"
        " WHERE text IS NOT NULL GROUP BY text_hash ORDER BY 2"
    )
    if not texts:
        named = ", ".join(str(path) for path in paths)
        raise BadInput(
            f"No executed statement was found in {named}.",
            "Let the server log them: ALTER SYSTEM SET log_min_duration_statement = 0 (and "
            "lc_messages = 'C'), SELECT pg_reload_conf(). For a stderr log with an unusual "
            "log_line_prefix, give it with --log-line-prefix.",
        )
    numbers: dict[str, int] = {}
    shown: list[str] = []
    shapes: list[int] = []
    for _, text in texts:
        name = fingerprint(text)
        if name not in numbers:
            numbers[name] = len(shown)
            shown.append(_numbered(text))
        shapes.append(numbers[name])
    classes = [classify(text) for text in shown]
    engine.rows(
        "CREATE TABLE shape_name AS SELECT unnest(?::VARCHAR[]) AS fingerprint,"
        " unnest(?::INTEGER[]) AS number, unnest(?::VARCHAR[]) AS text",
        list(numbers), list(numbers.values()), shown,
    )  # fmt: skip
    engine.rows(
        "CREATE TABLE shape AS SELECT unnest(?::UBIGINT[]) AS text_hash,"
        " unnest(?::INTEGER[]) AS number, unnest(?::VARCHAR[]) AS class",
        [key for key, _ in texts], shapes, [classes[number] for number in shapes],
    )  # fmt: skip


def _numbered(text: str) -> str:
    """The text with its placeholders numbered from $1 in order."""
    numbers = iter(range(1, text.count("$0") + 1))
    return re.sub(r"\$0", lambda _: f"${next(numbers)}", text)


def _pieces(path: Path, folder: Path, line_prefix: str | None, counts: _Counts) -> Iterator[Source]:
    """What the engine reads of one named path: the file itself, or pieces written for it."""
    if path == STDIN:
        for piece in _spooled(folder):
            yield from _readable(piece, folder, line_prefix, counts)
            piece.path.unlink()
        return
    for source in sources([path]):
        yield from _readable(source, folder, line_prefix, counts)


def _readable(
    source: Source, folder: Path, line_prefix: str | None, counts: _Counts
) -> Iterator[Source]:
    if source.format != "stderr":
        yield source
        return
    with open_bytes(source.path) as file:
        lines = (line.decode("utf-8", errors="replace").rstrip("\r\n") for line in file)
        head = list(islice(lines, 500))
        records = Records(line_pattern(line_prefix) if line_prefix else guess_pattern(head))
        rows = (record.row() for record in records.read(chain(head, lines)))
        for first in rows:
            converted = folder / "records.csv"
            with converted.open("w", newline="", encoding="utf-8", errors="replace") as out:
                piece = chain((first,), islice(rows, _RECORDS_PER_PIECE))
                csv.writer(out).writerows(piece)
            yield Source(converted, "stderr", packed=False)
        counts.lines += records.lines
        counts.damaged += records.damaged_lines


def _spooled(folder: Path) -> Iterator[Source]:
    """Standard input as files of bounded size, cut between records."""
    spool = folder / "input.log"
    carried = b""
    with open_bytes(STDIN) as file:
        while block := file.read(_PIECE_BYTES):
            block = carried + block
            ends = [
                found.start() + 1
                for found in _RECORD_START.finditer(block, len(block) - _SEARCHED_BYTES)
            ]
            cut = ends[-1] if ends else len(block)
            spool.write_bytes(block[:cut])
            carried = block[cut:]
            yield sniff(spool)
    if carried:
        spool.write_bytes(carried)
        yield sniff(spool)
