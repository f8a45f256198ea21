"""Rails: db/migrate/TIMESTAMP_name.rb, read without being run; `execute "…"` is understood."""

from __future__ import annotations

import re
from pathlib import Path

from dbtune.gate.migrations._files import any_holds, in_order
from dbtune.gate.migrations._script import Script, read_text, script
from dbtune.twin.rehearsal import ScriptStatement

_REMEDY = (
    "Write the SQL that the migration sends (ActiveRecord logs it) to a file and give that file "
    "to --migrations."
)
_HEREDOC = r"<<[~-]?['\"]?(?P<tag>[A-Z_]+)['\"]?[^\n]*\n(?P<heredoc>.*?)^\s*(?P=tag)\s*$"
_EXECUTE = re.compile(
    rf"(?ms)^\s*execute[ (]+(?:{_HEREDOC}|\"(?P<double>[^\"#]*)\"|'(?P<single>[^']*)')"
)
_OTHER = re.compile(
    r"(?m)^\s*(?P<word>add_\w+|remove_\w+|create_\w+|drop_\w+|change_\w+|rename_\w+|validate_\w+"
    r"|execute)\b"
)


def recognises(folder: Path) -> bool:
    return any_holds(folder, "*.rb", r"<\s*ActiveRecord::Migration")


def files(folder: Path) -> list[Path]:
    return in_order(folder, "*.rb")


def read(file: Path, shown: str) -> Script:
    text = _forward(read_text(file))
    in_transaction = "disable_ddl_transaction!" not in text
    found: list[ScriptStatement] = []
    for match in _EXECUTE.finditer(text):
        name = next(n for n in ("heredoc", "double", "single") if match[n] is not None)
        line = 1 + text.count("\n", 0, match.start(name))
        found += script(
            match[name], shown, in_transaction=in_transaction, first_line=line
        ).statements
    others = sorted({m["word"] for m in _OTHER.finditer(_EXECUTE.sub("", text))})
    if not others:
        return Script(shown, tuple(found))
    return Script(shown, tuple(found), f"{', '.join(others)} cannot be read as SQL", _REMEDY)


def _forward(text: str) -> str:
    """The text without the method that takes the migration back."""
    return re.split(r"(?m)^\s*def\s+(?:self\.)?down\b", text)[0]
