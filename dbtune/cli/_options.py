"""Options that several commands take, from words to values."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import typer

from dbtune.errors import BadInput
from dbtune.files import require_file, write_file
from dbtune.finding import Confidence, Severity
from dbtune.report.model import Report
from dbtune.report.render import Style, render, require_format

_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}


def size_bytes(text: str, option: str) -> int:
    """`500MB` as bytes; units are PostgreSQL's (kB, MB, GB, TB, powers of 1024).

    Raises:
        BadInput: not a size; names the option.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise BadInput(f"{option} {text!r} is not a size.", "Write it like 500MB or 2GB.")
    return int(float(found[1]) * unit)


def failing_from(text: str | None) -> tuple[Severity | None, Confidence]:
    """`error`, or `warning:proven`: the least severity that fails, and the least confidence.

    Raises:
        BadInput: no such severity or confidence.
    """
    if text is None:
        return None, Confidence.LIKELY
    severity, _, confidence = text.partition(":")
    try:
        return Severity[severity.upper()], Confidence[(confidence or "likely").upper()]
    except KeyError as error:
        raise BadInput(
            f"--fail-on {text!r}: there is no {error.args[0].lower()!r}.",
            "Write info, warning or error, and perhaps :candidate, :likely or :proven behind it.",
        ) from None


def require_formats(formats: tuple[str, ...]) -> None:
    """Refuse what `show` could not print or write, before the work.

    Raises:
        BadInput: no such format, or a file that cannot be written.
    """
    for asked in formats:
        name, _, path = asked.partition("=")
        require_format(name)
        if path:
            require_file(Path(path), _option_of(name))


def _option_of(name: str) -> str:
    return f"--format {name}=FILE"


def show(
    report: Report,
    formats: tuple[str, ...],
    top: int,
    files: tuple[Path, ...],
    *,
    is_applied: bool = False,
) -> None:
    """Print or write the report in every format asked for: `text`, or `json=FILE`.

    `files` were written beside it; of a migration that `is_applied` nothing is left to say.

    Raises:
        BadInput: no such format, or a file that cannot be written.
    """
    style = replace(_terminal(top, files), is_applied=is_applied)
    for asked in formats:
        name, _, path = asked.partition("=")
        if path:
            text = render(report, name, Style(top=top))
            write_file(Path(path), text, option=_option_of(name))
        else:
            typer.echo(render(report, name, style).rstrip("\n"))


def _terminal(top: int, files: tuple[Path, ...]) -> Style:
    width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 140))
    return Style(top=top, width=width, color=sys.stdout.isatty(), files=tuple(map(str, files)))
