"""Benchmark → text in any of the formats that lie in `formats/`, found by file name."""

from __future__ import annotations

import importlib
import pkgutil

from dbtune.bench import formats
from dbtune.bench.result import Benchmark
from dbtune.errors import BadInput


def format_names() -> tuple[str, ...]:
    """The names of all formats, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(formats.__path__)))


def render(benchmark: Benchmark, format_name: str) -> str:
    """The benchmark in a format; the same benchmark gives the same text.

    Raises:
        BadInput: there is no such format.
    """
    if format_name not in format_names():
        raise BadInput(
            f"There is no format {format_name!r}.", f"Choose one of {', '.join(format_names())}."
        )
    text: str = importlib.import_module(f"{formats.__name__}.{format_name}").render(benchmark)
    return text
