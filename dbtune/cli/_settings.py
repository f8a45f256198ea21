"""Give the settings of files and environment to the options they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from dbtune.config import Setting, load_settings
from dbtune.errors import BadInput

# Variables that are no option: where tests find a server, and the traceback switch.
_NOT_OPTIONS = frozenset({"test_dsn", "traceback"})


def apply_settings(context: typer.Context) -> None:
    """Put settings in place as defaults of the invoked command; the command line still wins.

    Raises:
        BadInput: a setting names an option that no command has.
    """
    commands: dict[str, Any] = getattr(context.command, "commands", {})
    chosen = context.invoked_subcommand
    defaults: dict[str, Any] = {}
    for setting in load_settings(Path.cwd(), os.environ):
        if setting.option in _NOT_OPTIONS:
            continue
        meant = [setting.command] if setting.command else list(commands)
        options = [
            (name, parameter)
            for name in meant
            if name in commands
            for parameter in commands[name].params
            if parameter.name == setting.option
        ]
        if not options:
            raise BadInput(f"{setting.source}: no such option.", "See: dbtune COMMAND --help")
        for name, parameter in options:
            if name == chosen:
                defaults[setting.option] = _as_given(setting, parameter, context)
    context.default_map = {**(context.default_map or {}), str(chosen): defaults}


def _as_given(setting: Setting, parameter: Any, context: typer.Context) -> Any:
    """What the option would have got from the command line.

    Raises:
        BadInput: the option takes no such value; names the place that gives it.
    """
    value = _listed(setting.value) if _takes_many(parameter) else setting.value
    try:
        parameter.process_value(context, value)
    except typer.BadParameter as error:
        raise BadInput(
            f"{setting.source}: {setting.value!r} does not do. {error.message.rstrip('.')}."
        ) from None
    return value


def _listed(value: Any) -> Any:
    """A repeatable option takes a list; in the environment it is written with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value if isinstance(value, list) else [value]


def _takes_many(parameter: Any) -> bool:
    return bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1
