"""Text of strangers made fit to stand in an SQL comment."""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def comment_text(text: str, limit: int = 110) -> str:
    """`text` on one line, of at most `limit` characters, with nothing in it that could hide.

    White space becomes one blank; control, bidirectional and other invisible characters become
    their escapes; comment marks are pulled apart, so that no dialect's comment can be left early.
    """
    line = " ".join(text[: 20 * limit].split())
    visible = "".join(_visible(character) for character in line)
    visible = visible.replace("*/", "* /").replace("/*", "/ *").replace('"""', '" " "')
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def size_text(size_bytes: int) -> str:
    """A size for people: 512 kB, 12 MB, 3.4 GB."""
    size = size_bytes / 1024
    for unit in ("kB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            return f"{size:.1f} {unit}" if size < 9.95 and unit != "kB" else f"{size:.0f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")
