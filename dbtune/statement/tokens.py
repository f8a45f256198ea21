"""PostgreSQL's lexical rules, for any text: broken texts end in one token of kind "broken".

Written after the chapter "Lexical Structure" of PostgreSQL's manual. Everything in this room that
must hold for a text that nothing can parse (fingerprints, splitting) stands on this scan alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal[
    "comment",
    "word",
    "quoted",
    "string",
    "number",
    "parameter",
    "operator",
    "punctuation",
    "broken",
]


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `value` is `text` folded to lower case for words, unquoted for quoted names."""

    kind: TokenKind
    text: str
    start: int
    value: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.value in words

    def is_mark(self, *marks: str) -> bool:
        """True if it is one of these operators or punctuation marks."""
        return self.kind in ("operator", "punctuation") and self.text in marks


_SCAN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--[^\r\n]*)
  | (?P<nested>/\*)
  | (?P<string>[eE]'(?:[^'\\]|\\[\s\S]|'')*'
             | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'
             | \$(?P<tag>(?:[^\W\d]\w*)?)\$[\s\S]*?\$(?P=tag)\$)
  | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")+")
  | (?P<broken>(?:[eEbBxXnN]|[uU]&)?['"][\s\S]*|\$(?:[^\W\d]\w*)?\$[\s\S]*)
  | (?P<parameter>\$\d+)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<number>0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
  | (?P<punctuation>::|:=|\.\.|[()\[\],;:.{}\\$])
  | (?P<operator>[-+*/<>=~!@\#%^&|`?]+)
  | (?P<other>.)
    """,
    re.VERBOSE,
)
_KINDS: dict[str, TokenKind] = {
    "comment": "comment",
    "word": "word",
    "quoted": "quoted",
    "string": "string",
    "tag": "string",
    "number": "number",
    "parameter": "parameter",
    "operator": "operator",
    "other": "operator",
    "punctuation": "punctuation",
    "broken": "broken",
}
SQUASHED = "/*, ... */"
"""What PostgreSQL 18 writes after the first of a list's values in place of the others."""

_COMMENT_EDGE = re.compile(r"/\*|\*/")
_KEEPS_SIGN = frozenset("~!@#%^&|`?")


def tokens(text: str, *, comments: bool = False) -> Iterator[Token]:
    """The tokens of a text, in order; comments only when asked for."""
    position, length = 0, len(text)
    while position < length:
        token = _token_at(text, position)
        position = token.end if token else _skip_space(text, position)
        if token and (comments or token.kind != "comment"):
            yield token


def telling_tokens(text: str) -> list[Token]:
    """The tokens without comments but the one that says that a list has more values."""
    found = tokens(text, comments=True)
    return [token for token in found if token.kind != "comment" or token.text == SQUASHED]


def _skip_space(text: str, position: int) -> int:
    match = _SCAN.match(text, position)
    return match.end() if match else position + 1


def _token_at(text: str, position: int) -> Token | None:
    """The token that begins at a position, or None for white space."""
    match = _SCAN.match(text, position)
    kind = match.lastgroup if match else "space"
    if match is None or kind == "space":
        return None
    found = match.group()
    if kind == "nested":
        return _comment_at(text, position)
    value = found
    if kind == "word":
        value = found.lower()
    elif kind == "quoted":
        value = found[found.index('"') + 1 : -1].replace('""', '"')
    elif kind == "operator":
        value = found = _operator(found)
    return Token(_KINDS[kind or "other"], found, position, value)


def _comment_at(text: str, position: int) -> Token:
    """A block comment; PostgreSQL's nest."""
    depth, at = 0, position
    while edge := _COMMENT_EDGE.search(text, at):
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
        if depth == 0:
            return Token("comment", text[position:at], position, "")
    return Token("broken", text[position:], position, "")


def _operator(run: str) -> str:
    """The operator at the start of a run of operator characters.

    It ends before a comment; one of several characters ends in + or - only if it also holds one
    of ~ ! @ # % ^ & | ` ?.
    """
    for opening in ("--", "/*"):
        cut = run.find(opening)
        if cut >= 0:
            run = run[:cut]
    if _KEEPS_SIGN.isdisjoint(run):
        while len(run) > 1 and run[-1] in "+-":
            run = run[:-1]
    return run


def string_value(token: Token) -> str | None:
    """What a string token means, for the plain, E'…' and dollar-quoted forms; else None."""
    text = token.text
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] == "$":
        edge = text.index("$", 1) + 1
        return text[edge:-edge]
    if text[0] in "eE":
        return _ESCAPE.sub(_unescape, text[2:-1].replace("''", "'"))
    return None


_ESCAPE = re.compile(
    r"\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|x([\da-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))"
)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _unescape(match: re.Match[str]) -> str:
    four, eight, hexadecimal, octal, other = match.groups()
    if other is not None:
        return _CONTROL.get(other, other)
    if octal is not None:
        return chr(int(octal, 8) & 0xFF)
    return chr(min(int(four or eight or hexadecimal, 16), 0x10FFFF))
