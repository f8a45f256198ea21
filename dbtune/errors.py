"""What goes wrong in front of a user: one exception per exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; the README's table is generated from here."""

    DONE = 0
    GATE_FAILED = 1
    USAGE = 2
    CONNECTION = 3
    INTERNAL = 4

    @property
    def meaning(self) -> str:
        return {
            ExitCode.DONE: "done",
            ExitCode.GATE_FAILED: "gate failed (only with --fail-on, --strict or check)",
            ExitCode.USAGE: "usage, or a bad input file",
            ExitCode.CONNECTION: "connection or privilege",
            ExitCode.INTERNAL: "internal error",
        }[self]


INTERRUPTED = 130
"""After Ctrl-C: 128 and the number of the signal, as shells tell it."""

CLOSED_PIPE = 141
"""The reader of the output has gone: as if SIGPIPE had ended the program."""


class DbtuneError(Exception):
    """An error told to the user in one paragraph, without a traceback.

    Args:
        what: what happened, as a sentence, naming the file, key, host or relation.
        remedy: what to run or change next; empty when nothing helps.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()


class BadInput(DbtuneError):
    """A file, option or configuration value that cannot be used."""

    exit_code = ExitCode.USAGE


class CannotConnect(DbtuneError):
    """The server cannot be reached or refuses the session."""

    exit_code = ExitCode.CONNECTION


class MissingPrivilege(DbtuneError):
    """The role may not read what the command cannot do without."""

    exit_code = ExitCode.CONNECTION


class ServerFailed(DbtuneError):
    """The embedded server could not be started or stopped answering."""

    exit_code = ExitCode.INTERNAL
