"""`dbtune synthesize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtune.errors import BadInput

if TYPE_CHECKING:
    from dbtune.synthesize.run import Synthesised
    from dbtune.synthesize.unit import Scale


def run(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot file; a redacted one will do.")],
    *,
    scale: Annotated[
        float, typer.Option(min=0.0, help="Rows for each row of the target.", metavar="F")
    ] = 1.0,
    relation: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=F", help="Another scale for this relation; may be repeated."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(metavar="DSN", help="Fill this empty database, not an embedded server."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same rows.")] = 1,
) -> None:
    """Make a database that behaves like the target's, from its statistics, with none of its rows.

    Keys, foreign keys, frequencies, widths and physical order follow the snapshot's statistics.
    Without --into it is made on an embedded server, which runs until Ctrl-C.
    """
    from dbtune.cli._progress import shown_progress
    from dbtune.snapshot.file import read_snapshot
    from dbtune.synthesize.run import synthesise_into, synthesised_server

    read = read_snapshot(snapshot)
    scales = scales_of(scale, tuple(relation or ()))
    with shown_progress() as stages:
        if into:
            made = synthesise_into(into, read, progress=stages, scale=scales, seed=seed)
            stages.end()
            _tell(made)
            return
        with synthesised_server(read, progress=stages, scale=scales, seed=seed) as made:
            stages.end()
            _tell(made)
            typer.echo(f'\nThe database, until Ctrl-C:\n\n  psql "{made.dsn}"\n')
            _wait()


def scales_of(factor: float, named: tuple[str, ...]) -> Scale:
    """The scale of all relations, and those named NAME=F.

    Raises:
        BadInput: not of that form.
    """
    from dbtune.synthesize.unit import Scale

    by_relation: dict[str, float] = {}
    for text in named:
        name, _, number = text.rpartition("=")
        try:
            by_relation[name] = float(number)
        except ValueError:
            name = ""
        if not name or by_relation[name] < 0:
            raise BadInput(f"--relation {text} is no scale.", "Write: --relation orders=0.1")
    return Scale(factor, by_relation)


def _tell(made: Synthesised) -> None:
    for name, rows in made.rows.items():
        typer.echo(f"{rows:>14,}  {name}")
    for note in made.notes:
        typer.echo(f"Not as on the target: {note.what}: {note.why}", err=True)


def _wait() -> None:
    import threading

    threading.Event().wait()
