"""A workload file: SQL statements, each with how often it runs, for a server without statistics.

-- calls: 1200
-- mean_ms: 3.5
SELECT * FROM orders WHERE customer_id = $1;
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dbtune.errors import BadInput
from dbtune.snapshot.model import StatementStatistics
from dbtune.statement.tokens import Token, tokens

_SETTING = re.compile(r"--\s*(calls|mean_ms)\s*:\s*(.*?)\s*\Z")


def read_workload(path: Path) -> tuple[StatementStatistics, ...]:
    """The statements of a workload file, in its order.

    Raises:
        BadInput: the file cannot be read, holds no statement, or breaks off inside one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"The workload file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(
            f"The workload file {path} is not UTF-8 (byte {error.start}).", "Save it as UTF-8."
        ) from error
    return parse_workload(text, str(path))


def parse_workload(text: str, name: str) -> tuple[StatementStatistics, ...]:
    """The statements of a workload text; `name` is what messages call it.

    Raises:
        BadInput: there is no statement, or the text breaks off inside one.
    """
    found = tuple(_statement(text, part, name) for part in _parts(text, name))
    if not found:
        raise BadInput(
            f"The workload file {name} holds no statement.",
            "Write SQL statements that end in semicolons, each after a line like -- calls: 100.",
        )
    return found


def _parts(text: str, name: str) -> Iterator[list[Token]]:
    """The tokens of each statement, the comments before it included."""
    part: list[Token] = []
    for token in tokens(text, comments=True):
        if token.kind == "broken":
            raise BadInput(
                f"{name}:{_line(text, token)}: a string, quoted name or comment begins here and "
                "does not end."
            )
        if token.is_mark(";"):
            if any(t.kind != "comment" for t in part):
                yield part
            part = []
        else:
            part.append(token)
    if any(t.kind != "comment" for t in part):
        yield part
    else:
        for token in part:
            if _SETTING.match(token.text):
                raise BadInput(f"{name}:{_line(text, token)}: no statement follows {token.text!r}.")


def _statement(text: str, part: Sequence[Token], name: str) -> StatementStatistics:
    first = next(at for at, token in enumerate(part) if token.kind != "comment")
    calls, mean_ms = 1, 0.0
    for comment in part[:first]:
        setting = _SETTING.match(comment.text)
        if setting and setting[1] == "calls":
            calls = int(_number(setting[2], r"\d{1,15}", text, comment, name))
        elif setting:
            mean_ms = float(_number(setting[2], r"\d{1,15}(\.\d+)?", text, comment, name))
    begin = next((t for t in part[:first] if t.text.startswith("/*")), part[first])
    return StatementStatistics(
        text=text[begin.start : part[-1].end],
        calls=calls,
        total_exec_ms=calls * mean_ms,
        min_exec_ms=mean_ms,
        max_exec_ms=mean_ms,
        mean_exec_ms=mean_ms,
        source="file",
    )


def _number(value: str, pattern: str, text: str, token: Token, name: str) -> str:
    if not re.fullmatch(pattern, value) or (float(value) == 0 and "calls" in token.text):
        raise BadInput(
            f"{name}:{_line(text, token)}: {value!r} is not a positive number in {token.text!r}.",
            "Write it like -- calls: 1200 or -- mean_ms: 3.5.",
        )
    return value


def _line(text: str, token: Token) -> int:
    return text.count("\n", 0, token.start) + 1
