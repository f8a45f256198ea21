"""The catalog queries: one `.sql` file each, fitted to the server's version.

A line that ends with a condition, `--[ server >= 15 ]` or `--[ pg_stat_statements < 1.8 ]`, stands
only on servers where the condition holds. `server` is the major version; other names are
extensions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"
_CONDITION = re.compile(r"--\[ (?P<what>\w+) (?P<how><|>=) (?P<version>[\d.]+) \]\s*\Z")

Versions = Mapping[str, tuple[int, ...]]
"""Version numbers by what they are of, for example {"server": (18,)}."""


def version_tuple(version: str) -> tuple[int, ...]:
    """The numbers of a version: (1, 10) for "1.10"."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def query(name: str, versions: Versions) -> str:
    """The text of `sql/NAME.sql` with the lines that these versions have."""
    lines = _read(name).splitlines()
    return "\n".join(line for line in lines if _stands(line, versions))


def union(names: Iterable[str], versions: Versions) -> str:
    """Queries that give the same columns, as one."""
    return "\nUNION ALL\n".join(f"(\n{query(name, versions)}\n)" for name in names)


def names_in(folder: str) -> tuple[str, ...]:
    """The names of the queries in a folder below `sql/`, in the order of the file names."""
    return tuple(f"{folder}/{path.stem}" for path in sorted((_FOLDER / folder).glob("*.sql")))


@cache
def _read(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def _stands(line: str, versions: Versions) -> bool:
    found = _CONDITION.search(line)
    if not found:
        return True
    is_older = versions[found["what"]] < version_tuple(found["version"])
    return is_older == (found["how"] == "<")
