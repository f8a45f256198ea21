"""The values of one execution, read from the log's parameters or from a text's literals."""

from __future__ import annotations

import re

_PARAMETER = re.compile(r"\$\d+ = ('(?:[^']|'')*'(?:\.\.\.)?|NULL)")
_ONLY_PLACEHOLDER = re.compile(r"\$\d+\Z")
_FIRST = "$1 = '"
SEPARATOR = "\x1f"
"""Between literals that a reader of logs took from a statement's text."""


def values_of(given: str | None) -> tuple[str, ...] | None:
    """The values as text without quotes, in order; None when the log tells none."""
    if given is None:
        return None
    if given.startswith(_FIRST) and given.find("'", len(_FIRST)) == len(given) - 1:
        return (given[len(_FIRST) : -1],)  # one value without quotes: most lookups have no other
    if given.startswith("$"):
        found = _PARAMETER.findall(given)
        if found:
            return tuple(map(_bare, found))
    literals = [part for part in given.split(SEPARATOR) if not _ONLY_PLACEHOLDER.match(part)]
    return tuple(map(_bare, literals)) or None


def _bare(value: str) -> str:
    if value.endswith("'") and "'" in value[:-1]:
        return value[value.index("'") + 1 : -1].replace("''", "'")
    return value
