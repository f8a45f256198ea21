"""Migration files → statements; one file per layout, found by file name.

A layout's file holds `recognises(folder)`, `files(folder)` (those that lead forward, in order) and
`read(file, shown)`, which makes a Script of one. Files that begin with an underscore are shared by
layouts. `plain` is what every other layout is not.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from dbtune.errors import BadInput
from dbtune.gate.migrations._script import Script, read_text, script

STDIN = "-"
_FALLBACK = "plain"


class Layout(Protocol):
    """How one tool lays out its migrations."""

    @property
    def recognises(self) -> Callable[[Path], bool]: ...

    @property
    def files(self) -> Callable[[Path], list[Path]]: ...

    @property
    def read(self) -> Callable[[Path, str], Script]: ...


def layout_of(folder: Path) -> Layout:
    """The layout that recognises a folder; plain SQL files where none does."""
    return next((m for m in _layouts() if m.recognises(folder)), _load(_FALLBACK))


def read_migrations(paths: Sequence[str]) -> tuple[Script, ...]:
    """The scripts of files and folders, in the order given; "-" is SQL on standard input.

    Raises:
        BadInput: a path does not exist, a folder holds no migration, or a file cannot be read.
    """
    return tuple(made for path in paths for made in _read(path))


def read_as_psql(path: str) -> Script:
    """One SQL file (or "-", standard input) as psql runs it: no transaction but its own.

    Raises:
        BadInput: the file cannot be read.
    """
    if path == STDIN:
        return script(sys.stdin.read(), "standard input", in_transaction=False)
    return script(read_text(Path(path)), path, in_transaction=False)


def _read(path: str) -> Iterator[Script]:
    if path == STDIN:
        yield read_as_psql(path)
        return
    place = Path(path)
    if place.is_dir():
        layout = layout_of(place)
        files = layout.files(place)
        if not files:
            raise BadInput(
                f"{path} holds no migration that dbtune recognises.",
                "Give SQL files, or pipe SQL into: dbtune check --migrations -",
            )
        yield from (layout.read(file, _shown(file)) for file in files)
    elif place.is_file():
        layout = _layout_around(place)
        yield layout.read(place, _shown(place))
    else:
        raise BadInput(f"There is no migration {path}.", "Check its path.")


def _layout_around(file: Path) -> Layout:
    """The layout of the folders that hold a file: prisma keeps each file in one of its own."""
    for folder in (file.parent, file.parent.parent):
        layout = layout_of(folder)
        if any(file.samefile(known) for known in layout.files(folder)):
            return layout
    return _load(_FALLBACK)


def _layouts() -> Iterator[Layout]:
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        if not module.startswith("_") and module != _FALLBACK:
            yield _load(module)


def _load(name: str) -> Layout:
    return cast("Layout", import_module(f"{__name__}.{name}"))


def _shown(file: Path) -> str:
    """The file as reports name it: below the current folder where it is there."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix()


__all__ = ["Script", "layout_of", "read_migrations", "read_text"]
