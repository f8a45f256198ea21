"""Text that others wrote (statements, names): harmless to show, and short enough to read."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 4_000
MAX_LITERAL = 120

# Long string literals and hexadecimal runs; quotes doubled inside stay inside.
_LITERAL = re.compile(r"'(?:[^']|'')*'", re.DOTALL)


def visible(text: str) -> str:
    """`text` with every character that acts instead of showing written as ⟨U+202E⟩.

    That is control characters (terminal escapes among them), bidirectional and other format
    characters, lone surrogates, and line separators that are not a newline. Newline and tab stay.
    """
    return "".join(map(_visible_character, text)) if not text.isascii() or _acts(text) else text


def _acts(text: str) -> bool:
    return any((c < " " and c not in "\n\t") or c == "\x7f" for c in text)


def _visible_character(character: str) -> str:
    if character in "\n\t":
        return character
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """`text` with long string literals, and then the whole, cut; what was cut is said."""
    if len(text) > MAX_LITERAL:
        text = _LITERAL.sub(_short_literal, text)
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [{len(text) - limit:,} more characters]"


def _short_literal(found: re.Match[str]) -> str:
    literal = found.group()
    if len(literal) <= MAX_LITERAL:
        return literal
    kept = MAX_LITERAL // 2
    return f"{literal[:kept]}… [{len(literal) - kept - 1:,} more characters]'"


def one_line(text: str, limit: int) -> str:
    """The whole text on one line of at most `limit` characters, visible."""
    flat = " ".join(visible(shortened(text)).split())
    return flat if len(flat) <= limit else flat[: max(limit - 1, 0)] + "…"


def block(text: str, limit: int = MAX_TEXT) -> str:
    """The text as a block of its own: shortened, visible, no blank lines around it."""
    return visible(shortened(text, limit)).strip()
