"""A file of SQL as the statements that stand in it."""

from __future__ import annotations

from dbtune.statement.tokens import Token, tokens


def split_script(text: str) -> tuple[str, ...]:
    """The statements of a script, without their semicolons and the comments around them.

    Semicolons inside literals, comments, parentheses and SQL function bodies (BEGIN ATOMIC … END)
    part nothing. Lines that begin with a backslash are psql's own and are left out.
    """
    statements: list[str] = []
    current: list[Token] = []
    depth = 0
    lines = (line if not line.lstrip().startswith("\\") else "" for line in text.split("\n"))
    script = "\n".join(lines)
    for token in tokens(script):
        if token.is_mark(";") and depth == 0:
            if current:
                statements.append(script[current[0].start : current[-1].end])
            current = []
            continue
        depth = max(0, depth + _nesting(token, current))
        current.append(token)
    if current:
        statements.append(script[current[0].start : current[-1].end])
    return tuple(statements)


def _nesting(token: Token, before: list[Token]) -> int:
    if token.is_mark("(") or token.is_word("case"):
        return 1
    if token.is_mark(")") or token.is_word("end"):
        return -1
    return 1 if token.is_word("atomic") and before and before[-1].is_word("begin") else 0
