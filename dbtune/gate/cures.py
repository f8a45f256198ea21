"""To each observed finding what would cure it, and the command that shows it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dbtune.advice import Recommendation
from dbtune.gate.observed import Observed
from dbtune.report.change import describe, served
from dbtune.workload import Workload

_EXPLAINED = frozenset({"plan-regression", "new-statement-scans", "over-budget"})


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
    texts = {s.fingerprint: s.text for w in workloads for s in w.statements}
    advised = {f: describe(r.change).ddl for r in reversed(recommendations) for f in served(r)}
    for one in observed:
        statements = one.finding.statements
        cure = one.cure or next((advised[s] for s in statements if s in advised), "")
        reproduce = one.reproduce
        if one.finding.rule in _EXPLAINED and statements and statements[0] in texts:
            reproduce = _explain(one, texts[statements[0]], snapshot_name)
        yield replace(one, cure=cure, reproduce=reproduce)


def _explain(one: Observed, text: str, snapshot_name: str) -> str:
    """`dbtune explain` of the statement; without the indexes that the migrations drop."""
    dropped = one.finding.evidence.get("dropped_indexes", ())
    hidden = "".join(f" --without {shlex.quote(name)}" for name in dropped)
    return f"dbtune explain {shlex.quote(snapshot_name)}{hidden} {shlex.quote(text)}"
