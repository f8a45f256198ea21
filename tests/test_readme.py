"""The README's generated blocks are what the program says today; `make docs` rewrites them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dbtune.errors import ExitCode
from dbtune.rules.load import load_rules
from dbtune.rules.table import readme_table

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"<!-- BEGIN (?P<name>[^>]+?) -->\n(?P<body>.*?)<!-- END -->", re.DOTALL)


def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dbtune", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={
            "COLUMNS": "100",
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
        },
    )
    usage = done.stdout.replace("python -m dbtune", "dbtune")
    lines = "\n".join(line.rstrip() for line in usage.strip().splitlines())
    return f"```text\n{lines}\n```\n"


def exit_codes() -> str:
    rows = "".join(f"| {code.value} | {code.meaning} |\n" for code in ExitCode)
    return f"| code | meaning |\n|---|---|\n{rows}"


def rules() -> str:
    return readme_table(load_rules())


BLOCKS: dict[str, Callable[[], str]] = {
    "rules": rules,
    "exit codes": exit_codes,
}


def generated(name: str) -> str:
    if name.startswith("help"):
        return help_of(*name.split()[1:])
    return BLOCKS[name]()


def block_names() -> list[str]:
    return [found["name"] for found in BLOCK.finditer(README.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", block_names())
def test_block_is_what_the_program_says(name: str, pytestconfig: pytest.Config) -> None:
    text = README.read_text(encoding="utf-8")
    body = next(found["body"] for found in BLOCK.finditer(text) if found["name"] == name)
    now = generated(name)
    if pytestconfig.getoption("--docs"):
        start = text.index(f"<!-- BEGIN {name} -->\n") + len(f"<!-- BEGIN {name} -->\n")
        README.write_text(text[:start] + now + text[start + len(body) :], encoding="utf-8")
        body = now
    assert body == now, "run: make docs"


def test_every_kind_of_block_is_used() -> None:
    assert set(BLOCKS) <= set(block_names())
