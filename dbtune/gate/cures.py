"""To each observed finding what would cure it, what shows it, and where it is sent from. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dbtune.advice import Recommendation
from dbtune.gate.observed import Observed
from dbtune.gate.verdict import Location
from dbtune.report.change import describe, served
from dbtune.statement.model import Unparsed
from dbtune.workload import Workload, WorkloadStatement

_FILE_TAGS = (
    "file",
    "code_filepath",
    "code.filepath",
    "code.file.path",
    "source_location",
    "source",
)
_LINE_TAGS = ("line", "lineno", "code_lineno", "code.lineno", "code.line.number")
EXPLAINED = frozenset({"plan-regression", "new-statement-scans", "over-budget"})
"""Rules about a statement's plan: what the rules say of the same statement says no more."""


def with_cures(
    observed: Iterable[Observed],
    recommendations: Sequence[Recommendation],
    workloads: Sequence[Workload],
    snapshot_name: str,
) -> Iterator[Observed]:
    """The observed findings, each with its cure and command where there is one.

    Args:
        observed: what was found.
        recommendations: what the advisor says for the statements that need it.
        workloads: where the statements' texts are looked up.
        snapshot_name: what the command calls the snapshot.
    """
    texts = {s.fingerprint: s.planned_text for w in workloads for s in w.statements}
    sources = {s.fingerprint: _source(s) for w in workloads for s in w.statements}
    advised = {f: describe(r.change).ddl for r in reversed(recommendations) for f in served(r)}
    for one in observed:
        statements = one.finding.statements
        cure = one.cure
        if not cure and "source" not in one.finding.evidence:  # no index cures a loop
            cure = next((advised[s] for s in statements if s in advised), "")
        reproduce = one.reproduce
        if one.finding.rule in EXPLAINED and statements and statements[0] in texts:
            reproduce = _explain(one, texts[statements[0]], snapshot_name)
        source = next((sources.get(s) for s in statements if sources.get(s)), None)
        yield replace(one, cure=cure, reproduce=reproduce, location=one.location or source)


def _source(statement: WorkloadStatement) -> Location | None:
    """Where the application sends the statement from, if its comment's tags say so."""
    if isinstance(statement.parsed, Unparsed):
        return None
    tags = dict(statement.parsed.tags)
    file = next((tags[k] for k in _FILE_TAGS if k in tags), None)
    if file is None:
        return None
    name, _, after = file.rpartition(":")
    if name and after.isdecimal():
        return Location(name, int(after))
    line = next((tags[k] for k in _LINE_TAGS if tags.get(k, "").isdecimal()), "1")
    return Location(file, max(int(line), 1))


def _explain(one: Observed, text: str, snapshot_name: str) -> str:
    """`dbtune explain` of the statement; without the indexes that the migrations drop."""
    dropped = one.finding.evidence.get("dropped_indexes", ())
    hidden = "".join(f" --without {shlex.quote(name)}" for name in dropped)
    return f"dbtune explain {shlex.quote(snapshot_name)}{hidden} {shlex.quote(text)}"
