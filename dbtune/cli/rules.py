"""`dbtune rules`: what dbtune looks for, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtune.cli._command import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtune.rules.model import Rule

app = typer.Typer(help="List the rules, or explain one.", invoke_without_command=True)

Folder = Annotated[
    Path | None,
    typer.Option("--rules", metavar="DIR", help="A folder with rule files of your own, as well."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def list_rules(context: typer.Context, rules: Folder = None, as_json: AsJson = False) -> None:
    """List the rules: id, severity and what each finds."""
    if context.invoked_subcommand:
        return
    from dbtune.rules.load import load_rules

    loaded = load_rules(rules)
    typer.echo(_json(loaded) if as_json else _table(loaded))


@app.command(cls=Command)
def show(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="The id of a rule.")],
    rules: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Explain one rule: why it matters, an example, the cure, its thresholds and their reasons."""
    from dbtune.rules import table
    from dbtune.rules.judge import chosen
    from dbtune.rules.load import load_rules

    folder = rules or (context.parent.params["rules"] if context.parent else None)
    (found,) = chosen(load_rules(folder), select=[rule])
    typer.echo(json.dumps(table.as_json(found), indent=2) if as_json else table.page(found))


def _json(rules: Sequence[Rule]) -> str:
    from dbtune.rules import table

    return json.dumps({"schema": 1, "rules": [table.as_json(r) for r in rules]}, indent=2)


def _table(rules: Sequence[Rule]) -> str:
    width = max(len(rule.id) for rule in rules)
    return "\n".join(f"{r.id:{width}}  {r.severity.word:7}  {r.title}" for r in rules)
