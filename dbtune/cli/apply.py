"""`dbtune apply`."""

from __future__ import annotations

from typing import Annotated

import typer


def run(
    file: Annotated[str, typer.Argument(help="An SQL file, such as migration.up.sql; -: stdin.")],
    on: Annotated[
        str, typer.Option("--on", metavar="DSN", help="The database to change; no default.")
    ],
) -> None:
    """Run a migration on the database that you name.

    Statement by statement, each in its own transaction; stops at the first that fails and says
    what is left. A migration that dbtune wrote can be run again after an interruption.
    """
    from dbtune.apply import apply_file
    from dbtune.cli._progress import shown_progress

    with shown_progress() as stages:
        applied = apply_file(on, file, stages)
    typer.echo(f"{applied.statements} statements applied in {applied.seconds:.1f} s.")
