"""Settings from `[tool.dbtune]` in pyproject.toml, dbtune.toml and DBTUNE_* variables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbtune.errors import BadInput

ENVIRONMENT_PREFIX = "DBTUNE_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it stands, so that an error can name the place.

    `command` is None for a setting of every command that has such an option.
    """

    option: str
    value: Any
    source: str
    command: str | None = None


def load_settings(folder: Path, environment: Mapping[str, str]) -> tuple[Setting, ...]:
    """All settings, weakest first: pyproject.toml, dbtune.toml, environment.

    The files are looked for in `folder` and the folders above it, up to the first that has one.

    Raises:
        BadInput: a file is not valid TOML, or its table is not a table.
    """
    from_files = next((s for f in (folder, *folder.parents) if (s := _settings_in(f))), ())
    from_environment = (
        Setting(key.removeprefix(ENVIRONMENT_PREFIX).lower(), value, f"environment variable {key}")
        for key, value in sorted(environment.items())
        if key.startswith(ENVIRONMENT_PREFIX)
    )
    return (*from_files, *from_environment)


def _settings_in(folder: Path) -> tuple[Setting, ...]:
    pyproject = _read_toml(folder / "pyproject.toml").get("tool", {}).get("dbtune", {})
    own = _read_toml(folder / "dbtune.toml")
    return (
        *_from_table(pyproject, f"{folder / 'pyproject.toml'} [tool.dbtune]"),
        *_from_table(own, str(folder / "dbtune.toml")),
    )


def _from_table(table: Any, source: str) -> tuple[Setting, ...]:
    if not isinstance(table, dict):
        raise BadInput(f"{source} is not a table.")
    settings = []
    for key, value in table.items():
        if isinstance(value, dict):
            settings += [
                Setting(_option_name(name), inner, f"{source} {key}.{name}", key)
                for name, inner in value.items()
            ]
        else:
            settings.append(Setting(_option_name(key), value, f"{source} {key}"))
    return tuple(settings)


def _option_name(key: str) -> str:
    return key.replace("-", "_")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path} cannot be read as TOML: {error}.") from error
