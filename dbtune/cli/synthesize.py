"""`dbtune synthesize`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtune.errors import BadInput

if TYPE_CHECKING:
    from dbtune.snapshot.model import Snapshot
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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was made, and its DSN, as one line of JSON.")
    ] = False,
) -> None:
    """Make a database that behaves like the target's, from its statistics, with none of its rows.

    Keys, foreign keys, frequencies, widths and physical order follow the snapshot's statistics.
    Without --into it is made on an embedded server, which runs until Ctrl-C and then is gone. With
    --into an interrupted run leaves the database empty, and the snapshot's DDL runs as your role:
    an ordinary owner of the database will do, and is the better choice for a stranger's file.

    Exit codes: 2 for a file, scale or database that will not do (not empty, no room), 3 for a
    server that cannot be reached or was lost.
    """
    from dbtune.cli._progress import shown_progress
    from dbtune.snapshot.file import read_snapshot
    from dbtune.synthesize.room import room_text
    from dbtune.synthesize.run import synthesise_into, synthesised_server

    read = read_snapshot(snapshot)
    scales = scales_of(scale, tuple(relation or ()), read)
    tell = _tell_json if as_json else _tell
    with shown_progress() as stages:
        if into is not None:
            typer.echo(room_text(read, scales), err=True)
            made = synthesise_into(into, read, progress=stages, scale=scales, seed=seed)
            stages.end()
            tell(replace(made, dsn=""))  # it may hold a password
            return
        with synthesised_server(read, progress=stages, scale=scales, seed=seed) as made:
            stages.end()
            tell(made)
            _wait()


def scales_of(factor: float, named: tuple[str, ...], snapshot: Snapshot) -> Scale:
    """The scale of all relations, and those named NAME=F.

    Raises:
        BadInput: not of that form, no number of rows, or of no relation of the snapshot.
    """
    from dbtune.synthesize.unit import Scale

    if not isfinite(factor):
        raise BadInput(f"--scale {factor} is no number of rows.", "Write: --scale 0.1")
    by_relation: dict[str, float] = {}
    for text in named:
        name, _, number = text.rpartition("=")
        try:
            by_relation[name] = float(number)
        except ValueError:
            name = ""
        if not name or not 0 <= by_relation[name] < inf:
            raise BadInput(f"--relation {text} is no scale.", "Write: --relation orders=0.1")
        if not any(
            name in (r.name.name, f"{r.name.schema}.{r.name.name}") for r in snapshot.relations
        ):
            raise BadInput(
                f"--relation {text}: the snapshot has no relation {name}.",
                "Names are as in the catalog, with or without schema, not quoted.",
            )
    return Scale(factor, by_relation)


def _tell(made: Synthesised) -> None:
    for name, rows in made.rows.items():
        typer.echo(f"{rows:>14,}  {name}")
    for note in made.notes:
        typer.echo(f"Not as on the target: {note.what}: {note.why}", err=True)
    if made.dsn:
        typer.echo(
            f"\nThe database, until Ctrl-C; from another terminal:\n\n"
            f'  psql "{made.dsn}"\n'
            f'  dbtune analyze FILE --verify-on "{made.dsn}"\n'
            f'  dbtune bench --on "{made.dsn}" --from reports/out\n'
        )


def _tell_json(made: Synthesised) -> None:
    typer.echo(
        json.dumps(
            {
                "schema": 1,
                "dsn": made.dsn or None,
                "rows": {str(name): rows for name, rows in made.rows.items()},
                "notes": [{"what": note.what, "why": note.why} for note in made.notes],
            },
            ensure_ascii=False,
        )
    )


def _wait() -> None:
    import threading

    sys.stdout.flush()  # a program that reads the DSN from a pipe waits for it
    threading.Event().wait()
