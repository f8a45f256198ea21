"""Write the files of a report, each whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dbtune.files import unwritable, write_file


def write_files(
    folder: Path, contents: Mapping[str, str], *, option: str = "--out"
) -> tuple[Path, ...]:
    """Write each text to `folder`/name; a name may lead through folders of its own.

    Raises:
        BadInput: the folder cannot be made or written; `option` is what names another.
    """
    for name, text in contents.items():
        parent = (folder / name).parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(parent, error, option) from error
        write_file(folder / name, text, option=option)
    return tuple(folder / name for name in contents)
