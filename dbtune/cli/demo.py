"""`dbtune demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtune.cli._arguments import Out

if TYPE_CHECKING:
    from dbtune.cli._progress import Stages
    from dbtune.demo.application import Demo
    from dbtune.demo.compare import Comparison
    from dbtune.pipeline import Analysis
    from dbtune.server.cluster import Cluster
    from dbtune.snapshot.model import Snapshot
    from dbtune.traffic import Traffic


def run(
    out: Out = Path("reports/out/demo"),
    only_start: Annotated[
        bool,
        typer.Option("--only-start", help="Start it with its traffic, and wait for Ctrl-C."),
    ] = False,
    scale: Annotated[
        float, typer.Option(min=0.01, max=100, help="Size of the data; 1 is 240,000 leads.")
    ] = 1.0,
) -> None:
    """Start a demo application, analyse it, mend it, and measure it again.

    A CRM with data and traffic, on an embedded PostgreSQL 18 that is gone when the command ends.
    No other database is touched.
    """
    from dbtune.cli._options import show
    from dbtune.cli._progress import shown_progress
    from dbtune.collect import collect
    from dbtune.demo.application import running_demo
    from dbtune.demo.traffic import send_traffic
    from dbtune.files import require_folder
    from dbtune.pipeline import analyze, write_analysis

    require_folder(out)
    with shown_progress() as stages, running_demo(scale=scale, progress=stages) as demo:
        requests = send_traffic(demo.dsn, seed=1, progress=stages)
        if only_start:
            stages.end()
            _wait(demo.dsn, requests)
        first = collect(demo.dsn, progress=stages)
        analysis = analyze(first, progress=stages, traffic=_logged(demo.cluster, stages))
        files = write_analysis(analysis, out)
        stages.end()
        typer.echo(f"The demo application answered {requests} requests. dbtune analyze says:\n")
        show(analysis.report, ("text",), 20, files, is_applied=True)
        compared, again = _mend(demo, first, analysis, out, stages)
    typer.echo(_table(compared))
    typer.echo(f"\nAnalysed again: {_left(again)}\nThe report: {(out / 'report.html').resolve()}")
    typer.echo("Next, the same by hand, on a demo that stays: dbtune demo --only-start")


def _logged(cluster: Cluster, stages: Stages) -> Traffic:
    """The traffic in the demo server's log, which holds every statement."""
    from dbtune.collect.logs import read_logs
    from dbtune.demo.application import SETTINGS

    prefix = SETTINGS["log_line_prefix"]
    return read_logs((cluster.log_file,), line_prefix=prefix, progress=stages)


def _mend(
    demo: Demo, first: Snapshot, analysis: Analysis, out: Path, stages: Stages
) -> tuple[tuple[Comparison, ...], Analysis]:
    """Apply the migration, send another round of traffic, compare and analyse again."""
    from dbtune.apply import apply_file
    from dbtune.collect import collect
    from dbtune.demo.application import vacuum
    from dbtune.demo.compare import compare_rounds
    from dbtune.demo.traffic import send_traffic
    from dbtune.pipeline import analyze

    dsn = demo.dsn
    apply_file(dsn, str(out / "migration.up.sql"), stages)
    vacuum(dsn)
    between = collect(dsn, progress=stages)
    send_traffic(dsn, seed=2, progress=stages)
    last = collect(dsn, progress=stages)
    affected = {f for r in analysis.report.recommendations for f in r.statements}
    again = analyze(last, progress=stages, traffic=_logged(demo.cluster, stages))
    return compare_rounds(first, between, last, affected), again


def _table(compared: tuple[Comparison, ...]) -> str:
    lines = ["\nAfter migration.up.sql, mean time of the affected statements:\n"]
    lines.append(f"  {'before':>12}  {'after':>12}  {'':>7}  statement")
    for c in compared:
        text = " ".join(c.text.split())
        shown = text if len(text) <= 64 else text[:63] + "…"
        lines.append(f"  {c.before_ms:>9.3f} ms  {c.after_ms:>9.3f} ms  {c.ratio:>6.1f}×  {shown}")
    return "\n".join(lines)


def _left(again: Analysis) -> str:
    findings = again.report.findings
    if not findings:
        return "nothing is found any more."
    names = ", ".join(sorted({f"{f.rule} on {f.subject.name}" for f in findings}))
    return f"{len(findings)} findings are left, for the application to mend: {names}."


def _wait(dsn: str, requests: int) -> None:
    import threading

    typer.echo(f"The demo application answered {requests} requests.")
    typer.echo(f'Analyse it from another terminal:\n\n  dbtune analyze "{dsn}"\n')
    typer.echo("Ctrl-C ends it.")
    threading.Event().wait()
