"""The text form of arrays, as array_in reads and array_out writes it."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r'[{},]|"((?:[^"\\]|\\.)*)"|[^{},"]+', re.DOTALL)
_BOUNDS = re.compile(r"\A(?:\[-?\d+:-?\d+\])+=")
_PLAIN = re.compile(r"[^\s{},\"\\]+\Z")


def map_array(text: str, change: Callable[[str], str]) -> str:
    """The array with every element that is not NULL replaced by what `change` makes of it."""
    parts: list[str] = []
    for token in _TOKEN.finditer(_BOUNDS.sub("", text)):
        found = token.group()
        if found in "{},":
            parts.append(found)
        elif token[1] is not None:
            parts.append(_quoted(change(re.sub(r"\\(.)", r"\1", token[1], flags=re.DOTALL))))
        else:
            parts.append(found if found == "NULL" else _quoted(change(found)))
    return "".join(parts)


def elements(text: str) -> list[str]:
    """The elements of an array, NULLs left out, dimensions forgotten."""
    found: list[str] = []

    def note(element: str) -> str:
        found.append(element)
        return element

    map_array(text, note)
    return found


def _quoted(element: str) -> str:
    if _PLAIN.match(element) and element.upper() != "NULL":
        return element
    return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'
