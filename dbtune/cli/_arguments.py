"""Arguments and options that commands share, by name; nothing heavy is imported here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[TARGET]",
        help="libpq URI, key=value string, service=NAME, or a snapshot file; nothing: PG* "
        "variables and ~/.pgpass, as psql.",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for reports and migration.")
]
Formats = Annotated[
    list[str] | None,
    typer.Option("--format", help="What to print: text (default), json, md, html; or FORMAT=FILE."),
]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Top = Annotated[int, typer.Option(min=0, metavar="N", help="Show at most N of each; 0: all.")]
MinCalls = Annotated[
    int, typer.Option(min=0, metavar="N", help="Leave out statements called less often.")
]
Schemas = Annotated[
    list[str] | None,
    typer.Option("--schema", help="Only this schema, or schema.relation; * and ? may stand in it."),
]
Excluded = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="Leave this schema, or schema.relation, out."),
]
RulesDir = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", help="A folder with rules of your own.")
]
Selected = Annotated[
    list[str] | None, typer.Option("--select", metavar="RULE", help="Only this rule; again.")
]
Ignored = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="RULE", help="Not this rule; again.")
]
WorkloadFile = Annotated[
    Path | None,
    typer.Option(
        "--workload",
        metavar="FILE.sql",
        help="Statements (-- calls: N before one weighs it) instead of pg_stat_statements.",
    ),
]
Logs = Annotated[
    list[Path] | None,
    typer.Option(
        help="Server log (csvlog, jsonlog, stderr, .gz), folder or -; again for more. Without "
        "TARGET the logs are read alone.",
    ),
]
LogLinePrefix = Annotated[
    str | None, typer.Option(help="That of stderr logs; default: the server's, or a usual one.")
]
ShowParams = Annotated[
    bool, typer.Option("--show-params", help="Print values from the logs: they name people.")
]
Budget = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Greatest size of all new indexes, such as 500MB."),
]
MaxIndexes = Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N new indexes.")]
MaxPerTable = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="At most N new indexes on one table.")
]
MinGain = Annotated[
    float,
    typer.Option(
        min=0, max=100, metavar="PCT", help="An index must lower some statement's cost by this."
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kinds", metavar="METHOD", help="Access methods to advise; default: all."),
]
Include = Annotated[
    bool, typer.Option("--include/--no-include", help="Whether indexes may have INCLUDE columns.")
]
Dialect = Annotated[
    str,
    typer.Option(
        metavar="DIALECT",
        help="Write the migration for alembic, django, flyway, prisma or rails too.",
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Stop searching then, with the best so far."),
]
VerifyOn = Annotated[
    str | None,
    typer.Option(
        metavar="DSN",
        help="Build the indexes on this clone, measure, leave out what slows a statement; "
        "synthesize[:SCALE]: on rows made from the statistics.",
    ),
]
Verify = Annotated[
    str | None,
    typer.Option(
        metavar="DSN",
        help="Run loops from the logs and their batched cures here, read-only, and compare rows.",
    ),
]
KnownAs = Annotated[
    str | None,
    typer.Option("--i-know-this-is", metavar="DATABASE", help="Measure although it is in use."),
]
Bindir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Server programs for the twin, 15 or newer; default: ours."),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="SEVERITY[:CONFIDENCE]",
        help="Exit with 1 on a finding as severe as info, warning or error.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything was not examined.")]
Timings = Annotated[bool, typer.Option("--timings", help="Say what each stage cost.")]
