"""`dbtune demo`."""

from __future__ import annotations

from typing import Annotated

import typer


def run(
    only_start: Annotated[
        bool,
        typer.Option("--only-start", help="Start it with its traffic, and wait for Ctrl-C."),
    ] = False,
    scale: Annotated[
        float, typer.Option(min=0.01, max=100, help="Size of the data; 1 is 240,000 leads.")
    ] = 1.0,
) -> None:
    """Start a demo application, a CRM with data and traffic, and analyse it.

    The server is an embedded PostgreSQL 18, gone when the command ends. No other database is
    touched.
    """
    from dbtune.cli._progress import shown_progress
    from dbtune.demo.application import running_demo
    from dbtune.demo.traffic import send_traffic

    with shown_progress() as stages, running_demo(scale=scale, progress=stages) as demo:
        requests = send_traffic(demo.dsn, progress=stages)
        stages.end()
        typer.echo(f"The demo application answered {requests} requests.")
        if only_start:
            _wait(demo.dsn)


def _wait(dsn: str) -> None:
    import threading

    typer.echo(f'Analyse it from another terminal:\n\n  dbtune analyze "{dsn}"\n')
    typer.echo("Ctrl-C ends it.")
    threading.Event().wait()
