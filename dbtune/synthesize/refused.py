"""What a server's refusal means: a note and on with the rest, or the end."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection

_ENDS = ("08", "57", "58", "XX001", "XX002", "53100", "53300", "25006")
"""SQLSTATEs (or classes) of a lost connection, an operator's stop, a full or broken disk."""


def refusal(error: psycopg.Error, session: Connection[Any]) -> str:
    """What the server said of a statement, in one line.

    Raises:
        psycopg.Error: the same, if the next statement would fare no better.
    """
    if session.closed or (error.sqlstate or "").startswith(_ENDS):
        raise error
    return said(error)


def said(error: psycopg.Error) -> str:
    """The first line of what the server, or the driver, said."""
    lines = (error.diag.message_primary or str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
