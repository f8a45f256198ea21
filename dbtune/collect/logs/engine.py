"""DuckDB as the columnar engine: bounded memory, the SQL files beside this one, nothing kept."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtune.errors import BadInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SQL = Path(__file__).parent / "sql"
READING_JSON_MB, WORKING_MB, FETCHING_MB = 140, 95, 60
"""What the engine may use, of what it counts: a whole process stays below 300 MB with it. Readers
need their buffers, sorts spill to disk, and what is fetched is for Python to hold."""

THREADS = 2
"""Each thread that reads JSON holds 32 MB; what follows the reading is one thread's work anyway."""

_FETCHED_ROWS = 2_000
_NO_ROOM = re.compile(r"space left|write", re.IGNORECASE)


class Unreadable(Exception):
    """The engine gave up on a file."""


class TooLarge(Exception):
    """A file's entries are so long that some thousand of them do not fit into the limit."""


class Engine:
    """An open DuckDB database in a folder of ours."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, name: str, **values: Any) -> None:
        """Execute `sql/NAME.sql` with its placeholders filled in as SQL literals."""
        text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
        shown = {key: _literal(value) for key, value in values.items()}
        self._connection.execute(text.format(**shown) if shown else text)

    def limit(self, size_mb: int) -> None:
        """From now on use so much memory."""
        self._connection.execute(f"SET memory_limit = '{size_mb}MB'")

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters or None).fetchall()

    def stream(self, query: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, some at a time; no other query may run before the last."""
        found = self._connection.execute(query, parameters or None)
        while some := found.fetchmany(_FETCHED_ROWS):
            yield from some

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A transaction around the reading of a file: what fails, leaves nothing behind.

        Raises:
            Unreadable: the file holds what the engine's readers refuse as a whole.
            TooLarge: it takes more memory than the limit.
        """
        import duckdb  # noqa: PLC0415 - see open_engine

        self._connection.begin()
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            self._connection.rollback()
            raise TooLarge(str(error)) from error
        except duckdb.Error as error:
            self._connection.rollback()
            if _NO_ROOM.search(str(error)):
                raise
            raise Unreadable(str(error)) from error
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()


@contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    """A database in `folder`, closed at the end; the caller removes the folder.

    Raises:
        BadInput: the folder's disk is full.
    """
    import duckdb  # noqa: PLC0415 - 25 MB that only logs need

    try:
        with duckdb.connect(str(folder / "traffic.duckdb")) as connection:
            connection.execute(f"SET memory_limit = '{WORKING_MB}MB'")
            connection.execute("SET temp_directory = ?", [str(folder / "spill")])
            connection.execute("SET enable_progress_bar = false")  # standard output is for reports
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(f"SET threads = least({THREADS}, current_setting('threads'))")
            connection.execute("SET autoinstall_known_extensions = false")  # nothing is downloaded
            connection.execute("SET TimeZone = 'UTC'")
            yield Engine(connection)
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise _no_room(folder, error) from error
    except OSError as error:  # from the parts of the logs that are written beside
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_room(folder, error) from error


def _no_room(folder: Path, error: Exception) -> BadInput:
    return BadInput(
        f"No room to work on the logs in {folder.parent}: {str(error).splitlines()[0]}.",
        "Set TMPDIR to a folder with a fifth of the logs' size free, or name fewer files.",
    )


def _literal(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{_literal(key)}: {_literal(kept)}" for key, kept in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
