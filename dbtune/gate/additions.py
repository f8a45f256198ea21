"""Indexes that the pull request adds and no statement would use. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.head import Head
from dbtune.gate.observed import Observed
from dbtune.gate.thresholds import Thresholds
from dbtune.gate.verdict import Location
from dbtune.identifier import QualifiedName
from dbtune.index import spec_of
from dbtune.snapshot.catalog import Index
from dbtune.statement.model import Statement
from dbtune.twin.rehearsal import Step
from dbtune.typeset.figures import number_of
from dbtune.workload import Workload

RULE = "new-index-unused"


def unused_additions(
    head: Head,
    unused: Collection[QualifiedName],
    workload: Workload,
    steps: Collection[Step],
    thresholds: Callable[[str, QualifiedName | None, str], Thresholds],
) -> Iterator[Observed]:
    """New indexes on large relations that cost every write and serve nothing known.

    An index that guards uniqueness, stands behind a foreign key, or brings back one that was
    dropped is wanted for other reasons. Where statements on the relation could not be planned,
    nothing is said.

    Args:
        head: the head with its added indexes.
        unused: names of those that no plan on the head uses.
        workload: production's statements.
        steps: the migrations.
        thresholds: those for a rule, a relation and a statement's fingerprint.
    """
    gone = {spec_of(i) for i in head.dropped}
    for index in head.added:
        relation = head.snapshot.relation_by_name.get(index.relation)
        if relation is None or relation.kind != "r" or index.name not in unused:
            continue
        wanted = index.is_unique or spec_of(index) in gone or _backs_foreign_key(head, index)
        is_large = thresholds(RULE, relation.name, "").is_large(relation)
        if is_large and not wanted and workload.statements:
            yield _observed(index, workload, steps)


def _backs_foreign_key(head: Head, index: Index) -> bool:
    keys = tuple(k.column for k in index.keys)
    return any(
        c.relation == index.relation and set(c.columns) == set(keys[: len(c.columns)])
        for c in head.snapshot.foreign_keys
    )


def _observed(index: Index, workload: Workload, steps: Collection[Step]) -> Observed:
    writers = {
        s.fingerprint: s
        for s, use in workload.uses_of(index.relation)
        if use.role == "target" and isinstance(s.parsed, Statement)
    }
    subject = Subject(str(index.name), index.relation, index=index.name)
    message = (
        f"No statement would use the new index {index.name}: the planner has cheaper ways for all "
        f"that is known to read {index.relation}."
    )
    if writers:
        calls = sum(s.calls for s in writers.values())
        message += f" {number_of(calls, 'write')} would have to keep it up to date."
    message += " Give the statement that it is for (--workload, --logs or --dsn), or leave it out."
    step = next((s for s in steps if index.name in s.created), None)
    return Observed(
        Finding(
            rule=RULE,
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
            subject=subject,
            fingerprint=finding_fingerprint(RULE, subject, ""),
            title="A new index that no statement uses",
            message=message,
            evidence={"definition": index.definition},
            statements=tuple(writers),
            share=0.0,
        ),
        location=Location(step.statement.file, step.statement.line) if step else None,
    )
