"""A migration file as statements with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dbtune.errors import BadInput
from dbtune.files import why_unread
from dbtune.statement.tokens import Token, tokens
from dbtune.twin.rehearsal import ScriptStatement

_OPENERS = ("begin", "start")
_CLOSERS = ("commit", "end", "rollback", "abort")
_COPY = re.compile(r"(?ims)^\s*COPY\b[^;]*\bFROM\s+stdin\b[^;]*;.*?^\\\.[ \t]*$")
_META_COMMAND = re.compile(r"(?m)^[ \t]*\\.*$")


@dataclass(frozen=True, slots=True)
class Script:
    """One migration file. `unread` says what of it could not be read as SQL, and `remedy` how to
    get the SQL of it.
    """

    file: str
    statements: tuple[ScriptStatement, ...]
    unread: str = ""
    remedy: str = ""


def read_text(file: Path) -> str:
    """The text of a migration file.

    Raises:
        BadInput: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The migration {file} cannot be read: {why_unread(error)}.") from error


def script(text: str, file: str, *, in_transaction: bool, first_line: int = 1) -> Script:
    """The statements of SQL text.

    Args:
        text: SQL as psql would take it.
        file: the name to report.
        in_transaction: whether the tool that runs it opens a transaction around it.
        first_line: the line of the file on which `text` begins.
    """
    return Script(file, tuple(_statements(_blanked(text), file, in_transaction, first_line)))


def together(made: Script) -> Script:
    """The script where the tool sends the whole file at once: several statements then share a
    transaction, one alone does not need any.
    """
    if len(made.statements) < 2:
        return made
    statements = tuple(replace(s, in_transaction=True) for s in made.statements)
    return replace(made, statements=statements)


def _blanked(text: str) -> str:
    """The text without psql's own commands, COPY and its rows, with all lines where they were."""
    text = _COPY.sub(lambda m: "\n" * m.group().count("\n"), text)
    return _META_COMMAND.sub("", text)


def _statements(
    text: str, file: str, in_transaction: bool, first_line: int
) -> Iterator[ScriptStatement]:
    is_open = False
    for start, end, words in _pieces(text):
        line = first_line + text.count("\n", 0, start)
        if words[0] in _OPENERS:
            is_open = True
        elif words[0] in _CLOSERS and "prepared" not in words:
            is_open = "chain" in words and "no" not in words
        else:
            sql = text[start:end]
            if words[:2] == ("set", "local"):
                sql = re.sub(r"(?i)\Aset\s+local\b", "SET", sql)
            yield ScriptStatement(sql, file, line, in_transaction or is_open)


def _pieces(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Start, end and first words of each statement; semicolons inside bodies do not separate."""
    piece: list[Token] = []
    for token in tokens(text):
        if token.kind == "comment":
            continue
        if token.is_mark(";") and not _inside_body(piece):
            if piece:
                yield _piece(piece)
            piece = []
        else:
            piece.append(token)
    if piece:
        yield _piece(piece)


def _piece(piece: list[Token]) -> tuple[int, int, tuple[str, ...]]:
    words = tuple(t.value if t.kind == "word" else t.text for t in piece[:6])
    return piece[0].start, piece[-1].end, words


def _inside_body(piece: list[Token]) -> bool:
    """True between BEGIN ATOMIC and its END in the body of an SQL function."""
    words = [t.value for t in piece if t.kind == "word"]
    if words[:1] != ["create"] or "atomic" not in words:
        return False
    body = words[words.index("atomic") :]
    return body.count("end") <= body.count("case")
