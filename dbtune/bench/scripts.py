"""Tasks as plain SQL scripts with literals, for load generators that know nothing of parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbtune.bench.task import Run, Task
from dbtune.identifier import quote_literal
from dbtune.statement.tokens import tokens

WEIGHT_STEPS = 1000

_VARIABLE = re.compile(r":[A-Za-z_]")


@dataclass(frozen=True, slots=True)
class Script:
    """One transaction of the mix: its statements, and how often it is sent."""

    name: str
    statements: tuple[str, ...]
    weight: int
    writes: bool


def scripts_of(tasks: Sequence[Task], *, after: bool = False) -> tuple[Script, ...]:
    """One script per task and parameter set; weights follow the calls."""
    most = max((t.calls / len(t.before) for t in tasks), default=1.0) or 1.0
    scripts = []
    for number, task in enumerate(tasks, start=1):
        for place, group in enumerate(task.after if after else task.before, start=1):
            weight = max(1, round(task.calls / len(task.before) / most * WEIGHT_STEPS))
            statements = tuple(with_literals(run) for run in group)
            name = f"s{number:03d}_{place}_{task.kinds[place - 1]}"
            scripts.append(Script(name, statements, weight, task.writes))
    return tuple(scripts)


def with_literals(run: Run) -> str:
    """The text with each `$n` replaced by its value as a literal."""
    parts, at = [], 0
    for token in tokens(run.text):
        if token.kind == "parameter":
            number = int(token.text[1:])
            value = run.values[number - 1] if number <= len(run.values) else None
            # Blanks, so that no literal can grow together with a word beside it.
            parts += [run.text[at : token.start], " NULL " if value is None else literal(value)]
            at = token.end
    return "".join([*parts, run.text[at:]]).strip().rstrip(";")


def literal(value: str) -> str:
    """A literal between blanks, without a colon that a generator could take for a variable's."""
    if _VARIABLE.search(value):
        escaped = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
        return f" E'{escaped}' "
    return f" {quote_literal(value)} "


def as_pgbench(script: Script) -> str:
    """The script in pgbench's language; writes are rolled back."""
    statements = script.statements
    if script.writes:
        statements = ("BEGIN", *statements, "ROLLBACK")
    return "".join(f"{statement};\n" for statement in statements)
