"""The mix as a project for another load generator; one file per tool, found by file name.

Each file holds `project(scripts) -> dict[str, str]`: file names and their texts. A README.md says
how to run it. Writes are rolled back in every one of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from dbtune.bench.scripts import scripts_of
from dbtune.bench.task import Task
from dbtune.errors import BadInput


def tool_names() -> tuple[str, ...]:
    """The load generators that a project can be written for."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


def export_project(tool: str, tasks: Sequence[Task]) -> dict[str, str]:
    """The files of a project.

    Raises:
        BadInput: there is no such tool, or nothing to send.
    """
    if tool not in tool_names():
        raise BadInput(
            f"There is no export for {tool!r}.", f"Choose of: {', '.join(tool_names())}."
        )
    scripts = scripts_of(tasks)
    if not scripts:
        raise BadInput("There is no statement that a load could be made of.")
    project: dict[str, str] = importlib.import_module(f"{__name__}.{tool}").project(scripts)
    return project
