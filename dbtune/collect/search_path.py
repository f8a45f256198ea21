"""search_path settings resolved to the schemas that they mean for a role."""

from __future__ import annotations

import re
from collections.abc import Collection

_ELEMENT = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?:,|\Z)')


def resolve(setting: str, role: str | None, schemas: Collection[str]) -> tuple[str, ...]:
    """The schemas of a search_path setting that exist; "$user" is the role's own name."""
    named = []
    for found in _ELEMENT.finditer(setting):
        quoted, plain = found.groups()
        name = quoted.replace('""', '"') if quoted is not None else plain.lower()
        named.append((role or "") if name == "$user" else name)
    return tuple(dict.fromkeys(name for name in named if name in schemas))
