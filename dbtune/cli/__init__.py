"""The command line: one file per command, found by its name; options in, exit code out.

A command file holds `run(...)`, which becomes `dbtune NAME`, or `app`, a Typer of subcommands.
Files that begin with an underscore are not commands. Heavy imports stand inside the functions.
"""

from __future__ import annotations

import errno
import logging
import os
import pkgutil
import signal
import sys
from importlib import import_module
from types import TracebackType
from typing import NoReturn

import typer
from typer.main import get_command

from dbtune.cli._command import Command
from dbtune.errors import CLOSED_PIPE, INTERRUPTED, BadInput, DbtuneError, ExitCode

_INTERRUPTED = "dbtune: interrupted; no file was left half-written."


def make_app() -> typer.Typer:
    """The application with every command in this folder."""
    app = typer.Typer(
        name="dbtune",
        help="A PostgreSQL performance auditor: finds what makes a workload slow, proves the fix, "
        "writes it down.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help starts twice as fast and reads well anywhere
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for found in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name[0] != "_"):
        module = import_module(f"{__name__}.{found}")
        name = found.replace("_", "-")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name, cls=Command)(module.run)
    return app


def main() -> None:
    """Run dbtune; every error becomes one paragraph on stderr and an exit code."""
    sys.excepthook = _internal_error
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
        signal.signal(signal.SIGHUP, _terminate)
    try:
        _run()
    except DbtuneError as error:
        typer.echo(f"dbtune: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            typer.echo(_INTERRUPTED, err=True)
        raise


def _run() -> None:
    """Run the command that was asked for, until all that it printed is written.

    Raises:
        BadInput: a disk is full.
    """
    try:
        try:
            get_command(make_app())()
        finally:
            sys.stdout.flush()
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):  # click's own ending is that of a gate
            sys.exit(CLOSED_PIPE)
        raise
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # flushed again at the end
        if error.errno == errno.EPIPE:  # the reader has seen enough
            sys.exit(CLOSED_PIPE)
        raise BadInput(
            f"Cannot write the output: {error.strerror}.",
            "Free some room, or send the output (and TMPDIR) to another disk.",
        ) from error


def _options(
    context: typer.Context,
    _version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        is_eager=True,  # else no command is an error first
        callback=lambda asked: _print_version() if asked else None,
    ),
) -> None:
    from dbtune.cli._settings import apply_settings

    apply_settings(context)


def _print_version() -> NoReturn:
    from dbtune import __version__

    typer.echo(f"dbtune {__version__}")
    raise typer.Exit


def _terminate(number: int, _frame: object) -> NoReturn:
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that servers of ours are stopped."""
    logging.getLogger("psycopg").disabled = True  # it would tell of sessions that end with them
    raise SystemExit(128 + number)


def _internal_error(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> NoReturn:
    """A fault of dbtune's: where it happened, without values that may hold a password."""
    if issubclass(kind, KeyboardInterrupt):  # before the command had begun
        typer.echo(_INTERRUPTED, err=True)
        raise SystemExit(INTERRUPTED)
    last = where
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else ""
    typer.echo(
        f"dbtune: internal error: {kind.__name__}{place}. Please report it with the command you "
        "ran and, if you may share one, a snapshot (dbtune snapshot TARGET --redact -o FILE). "
        "Set DBTUNE_TRACEBACK=1 to see the traceback.",
        err=True,
    )
    if os.environ.get("DBTUNE_TRACEBACK"):
        sys.__excepthook__(kind, error, where)
    raise SystemExit(ExitCode.INTERNAL)
