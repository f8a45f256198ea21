"""DuckDB as the columnar engine: bounded memory, the SQL files beside this one, nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SQL = Path(__file__).parent / "sql"
MEMORY_LIMIT = "140MB"
"""The engine's own; a whole process stays below 300 MB with it."""


class Engine:
    """An open DuckDB database in a folder of ours."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, name: str, **values: Any) -> None:
        """Execute `sql/NAME.sql` with its placeholders filled in as SQL literals."""
        text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
        shown = {key: _literal(value) for key, value in values.items()}
        self._connection.execute(text.format(**shown) if shown else text)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters or None).fetchall()


@contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    """A database in `folder`, closed at the end; the caller removes the folder."""
    import duckdb  # noqa: PLC0415 - 25 MB that only logs need

    connection = duckdb.connect(str(folder / "traffic.duckdb"))
    try:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("SET temp_directory = ?", [str(folder / "spill")])
        connection.execute("SET enable_progress_bar = false")  # standard output is for reports
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET threads = least(4, current_setting('threads'))")
        connection.execute("SET autoinstall_known_extensions = false")  # nothing is downloaded
        connection.execute("SET TimeZone = 'UTC'")
        yield Engine(connection)
    finally:
        connection.close()


def _literal(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{_literal(key)}: {_literal(kept)}" for key, kept in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
