"""`dbtune baseline`: write down what is known, so that only what is new fails."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="SNAPSHOT|TARGET",
            help="A snapshot file, or a server as for psql; nothing: PG* variables, as psql.",
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path(
        "dbtune.baseline.json"
    ),
    rules: Annotated[Path | None, typer.Option(help="Folder with rules of your own.")] = None,
    workload: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="SQL file of statements, instead of the target's."),
    ] = None,
) -> None:
    """Write the baseline: all that dbtune finds today, sorted, one finding a line.

    `dbtune check --baseline FILE` then fails only for what is not in it.
    """
    from dbtune.cli._progress import shown_progress
    from dbtune.cli._target import snapshot_of
    from dbtune.collect import CollectOptions
    from dbtune.files import require_file, write_file
    from dbtune.gate.baseline import write_baseline
    from dbtune.options import AnalyzeOptions
    from dbtune.pipeline import analyze
    from dbtune.typeset.figures import number_of

    require_file(out)
    with shown_progress() as stages:
        snapshot = snapshot_of(target, CollectOptions(), stages, workload_file=workload)
        analysis = analyze(snapshot, AnalyzeOptions(rules_dir=rules), stages)
    findings = analysis.report.findings
    write_file(out, write_baseline(findings))
    typer.echo(f"Wrote {out} with {number_of(len(findings), 'finding')}.")
