"""Report → text in any of the formats that lie in `formats/`, found by file name."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from dbtune.errors import BadInput
from dbtune.report import formats
from dbtune.report.model import Report


@dataclass(frozen=True, slots=True)
class Style:
    """How to show a report: at most `top` findings, recommendations and statements each.

    `top` of 0 is all. `width` is in characters and `color` for terminals; other formats ignore
    them. `files` are the paths of what was written; `is_applied` if the migration among them is
    already carried out.
    """

    top: int = 0
    width: int = 100
    color: bool = False
    files: tuple[str, ...] = ()
    is_applied: bool = False


def format_names() -> tuple[str, ...]:
    """The names of all formats, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(formats.__path__)))


def require_format(name: str) -> None:
    """Refuse a format that does not exist.

    Raises:
        BadInput: with the names of those that do.
    """
    if name not in format_names():
        raise BadInput(
            f"There is no format {name!r}.", f"Choose one of {', '.join(format_names())}."
        )


def render(report: Report, format_name: str, style: Style | None = None) -> str:
    """The report in a format; the same report and style give the same text.

    Raises:
        BadInput: there is no such format.
    """
    require_format(format_name)
    module = importlib.import_module(f"{formats.__name__}.{format_name}")
    text: str = module.render(report, style or Style())
    return text
