"""`dbtune snapshot`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from dbtune.errors import BadInput

_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600, "": 1}


def run(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    target: Annotated[
        str | None,
        typer.Argument(
            help="Connection URI, key=value words or service=NAME; without one, the PG* "
            "variables and ~/.pgpass decide, as for psql.",
            show_default=False,
        ),
    ] = None,
    *,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Keep no value of any row and no literal of any statement."),
    ] = False,
    watch: Annotated[
        str,
        typer.Option(metavar="TIME", help="Read the statements' counters over 60s, 5min, …"),
    ] = "0s",
    schema: Annotated[
        list[str] | None,
        typer.Option(help="Only this schema, or schema.relation; * and ? may stand in it."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave this schema, or schema.relation, out.")
    ] = None,
    plans_from_target: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Also EXPLAIN the N longest-running statements that only read, on the target.",
        ),
    ] = 0,
    min_calls: Annotated[
        int, typer.Option(min=1, help="Leave out statements called less often.")
    ] = 1,
) -> None:
    """Write a snapshot: all that dbtune wants to know of a database, in one file.

    The session is read-only, takes no lock stronger than ACCESS SHARE and sends only SELECT
    (and EXPLAIN, where asked to).
    Every other command reads the file in place of the database.
    """
    from dbtune.cli._progress import shown_progress
    from dbtune.collect import CollectOptions, collect
    from dbtune.files import require_file
    from dbtune.snapshot.file import write_snapshot

    options = CollectOptions(
        schemas=tuple(schema or ()),
        exclude=tuple(exclude or ()),
        min_calls=min_calls,
        watch_s=seconds(watch),
        plans_from_target=plans_from_target,
    )
    require_file(out)
    with shown_progress() as stages:
        snapshot = collect(target, options, stages)
        if redact:
            from dbtune.redact import redact as redacted

            stages.stage("redact")
            snapshot = redacted(snapshot)
        write_snapshot(snapshot, out)
    for missing in snapshot.not_collected:
        remedy = f" To mend it: {missing.remedy}" if missing.remedy else ""
        typer.echo(f"Not collected: {missing.what}. {missing.why}{remedy}", err=True)
    typer.echo(
        f"{out}: {len(snapshot.relations)} relations, {len(snapshot.indexes)} indexes, "
        f"{len(snapshot.statements)} statements, {out.stat().st_size:,} bytes"
        + (", redacted." if redact else ".")
    )
    if redact:
        typer.echo(
            "Definitions stay as they are, with the literals in defaults, checks, predicates, "
            "partition bounds, enums, views and function bodies."
        )
    else:
        typer.echo("It holds values of rows (common values, histograms); --redact leaves them out.")


def seconds(text: str) -> float:
    """A length of time such as 90, 90s, 5min or 1h, in seconds.

    Raises:
        BadInput: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h)?", text.strip())
    if not found:
        raise BadInput(f"{text!r} is no length of time.", "Write 30s, 5min or 1h.")
    return float(found[1]) * _SECONDS[found[2] or ""]
