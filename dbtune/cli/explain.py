"""`dbtune explain`: the plan of a statement as production would make it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtune.errors import BadInput
from dbtune.files import why_unread

if TYPE_CHECKING:
    from dbtune.plan import Plan
    from dbtune.snapshot.model import Snapshot
    from dbtune.twin.engine import Twin


def run(
    target: Annotated[
        str,
        typer.Argument(metavar="SNAPSHOT|TARGET", help="A snapshot file, or a server as for psql."),
    ],
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="The statement; $1, $2 … may stand in it."),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="Read the statement from a file; - reads standard input."
        ),
    ] = None,
    with_index: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="DDL", help="Suppose this CREATE INDEX; may be repeated."),
    ] = None,
    without_index: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="INDEX", help="Hide this index; may be repeated."),
    ] = None,
    analyze: Annotated[
        bool,
        typer.Option("--analyze", help="Also run the statement on TARGET, read-only, and time it."),
    ] = False,
    search_path: Annotated[
        str, typer.Option(metavar="SCHEMAS", help="Where unqualified names are looked up.")
    ] = "",
    bindir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Server programs of PostgreSQL 15 or newer to plan with."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Plan a statement as production would, without production.

    The plan comes from the twin: an embedded server with the schema and statistics of the snapshot
    and none of its rows. With --with and --without it shows the plans before and after, and the
    ratio of their costs. Only --analyze sends the statement to TARGET.
    """
    from dbtune.cli._progress import shown_progress
    from dbtune.cli._target import is_file, snapshot_of
    from dbtune.collect import CollectOptions
    from dbtune.server.binaries import binaries_in
    from dbtune.twin.twin import open_twin

    text = _statement(sql, file)
    if analyze and is_file(target):
        raise BadInput(
            "--analyze runs the statement, and a snapshot has no rows.", "Name a TARGET."
        )
    path = tuple(part.strip() for part in search_path.split(",") if part.strip())
    with shown_progress() as stages:
        snapshot = snapshot_of(target, CollectOptions(), stages)
        binaries = binaries_in(bindir) if bindir else None
        with open_twin(snapshot, binaries=binaries, progress=stages) as twin:
            hidden = [_index_named(name, snapshot, path) for name in without_index or ()]
            shown = [twin.suppose_ddl(ddl) for ddl in with_index or ()]
            before = _planned(twin, text, path)
            after = None
            if hidden or shown:
                after = _planned(twin, text, path, show=[h.name for h in shown], hide=hidden)
            notes = _notes(twin, snapshot, before, after)
        measured = None
        if analyze:
            from dbtune.collect.explain import explain_analyze

            stages.stage("run on the target")
            measured = explain_analyze(target, text, path)
    if as_json:
        sizes = {h.name: h.size_bytes for h in shown}
        typer.echo(_as_json(before, after, measured, sizes, notes))
    else:
        _print(before, after, measured, notes, [(h.name, str(h.spec), h.size_bytes) for h in shown])


def _statement(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise BadInput("Name one statement: as SQL, or in a file with -f.")
    if file is not None:
        try:
            # Some editors begin with a mark.
            content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            sql = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"Cannot read {file}: {why_unread(error)}.") from error
    text = (sql or "").strip().rstrip(";")
    if not text:
        raise BadInput("There is no statement: the text is empty.")
    return text


def _index_named(name: str, snapshot: Snapshot, path: tuple[str, ...]) -> str:
    """The qualified name of an existing index, written with or without its schema."""
    exact = [
        i.name for i in snapshot.indexes if name in (i.name.sql, f"{i.name.schema}.{i.name.name}")
    ]
    bare = [i.name for i in snapshot.indexes if name in (i.name.name, f'"{i.name.name}"')]
    schemas = path or snapshot.search_path
    found = exact or [n for n in bare if n.schema in schemas] or bare
    if len(found) != 1:
        what = "more than one index" if found else "no index"
        raise BadInput(f"There is {what} named {name}.", "Write it as schema.name.")
    return found[0].sql


def _planned(twin: Twin, text: str, path: tuple[str, ...], **visible: Any) -> Plan:
    from dbtune.plan import Unplanned
    from dbtune.unmodelled import absent

    plan = twin.plan(text, search_path=path, **visible)
    if isinstance(plan, Unplanned):
        lacking = "; ".join(f"{n.what}: {n.why}" for n in absent(twin.not_modelled, plan.reason))
        raise BadInput(
            f"The statement cannot be planned: {plan.reason}.",
            f"The twin lacks: {lacking}." if lacking else "",
        )
    return plan


def _notes(twin: Twin, snapshot: Snapshot, *plans: Plan | None) -> tuple[str, ...]:
    """What the reader must know of the plans: what is not modelled, and whose they are."""
    used = {n.relation for plan in plans if plan for n in plan.root.walk() if n.relation}
    notes = [
        f"{n.what}: {n.why}" for n in twin.not_modelled if n.relation is None or n.relation in used
    ]
    notes += [
        f"row-level security of {r.name} is left out: planned as the owner"
        for r in snapshot.relations
        if r.row_security and r.name in used
    ]
    return tuple(notes)


def _as_json(
    before: Plan,
    after: Plan | None,
    measured: Plan | None,
    sizes: dict[str, int],
    notes: tuple[str, ...],
) -> str:
    import json

    def side(plan: Plan | None) -> dict[str, Any] | None:
        if plan is None:
            return None
        return {"total_cost": plan.total_cost, "plan": plan.source["Plan"]}

    document: dict[str, Any] = {
        "schema": 1,
        "before": side(before),
        "after": side(after),
        "ratio": _ratio(before, after),
        "hypothetical_size_bytes": sizes,
        "notes": list(notes),
    }
    if measured:
        document["analyzed"] = dict(measured.source)
    return json.dumps(document, indent=2)


def _ratio(before: Plan, after: Plan | None) -> float | None:
    if after is None:
        return None
    return after.total_cost / before.total_cost if before.total_cost else 1.0


def _print(
    before: Plan,
    after: Plan | None,
    measured: Plan | None,
    notes: tuple[str, ...],
    supposed: list[tuple[str, str, int]],
) -> None:
    from rich.console import Console
    from rich.text import Text

    from dbtune.plan_diff import plan_diff
    from dbtune.plan_text import plan_text
    from dbtune.typeset.figures import bytes_text

    console = Console(highlight=False, soft_wrap=True)
    for name, spec, size_bytes in supposed:
        console.print(Text(f"supposed {name}: {spec}, about {bytes_text(size_bytes)}"))
    if after is None:
        console.print(Text(plan_text(before)))
    else:
        styles = {"-": "red", "+": "green", " ": ""}
        for line in plan_diff(before, after):
            console.print(Text(f"{line.mark} {line.text}", style=styles[line.mark]))
        ratio = _ratio(before, after) or 0.0
        console.print(
            Text(f"cost {before.total_cost:,.2f} -> {after.total_cost:,.2f}, ratio {ratio:.4f}")
        )
    if measured:
        console.print(Text("\nrun on the target:"))
        console.print(Text(plan_text(measured, measured=True)))
        time_ms = measured.source.get("Execution Time")
        console.print(Text(f"execution time {time_ms} ms"))
    for note in notes:
        console.print(Text(f"note: {note}", style="dim"))
