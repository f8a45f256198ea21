"""What hazards are judged on: the base's sizes, its traffic, and what a write would write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbtune.gate.thresholds import Thresholds, rows_of
from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Relation
from dbtune.twin.rehearsal import LOCK_MODES, LockMode, Step, Touched
from dbtune.typeset.figures import bytes_text, count_text, number_of
from dbtune.workload import Workload

_BLOCKS_WRITES: LockMode = "ShareLock"
_BLOCKS_READS: LockMode = "AccessExclusiveLock"


@dataclass(frozen=True)
class Hazard:
    """A hazard seen in a step; `statements` and `share` are of the workload that it blocks."""

    relation: QualifiedName | None
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    cure: str = ""
    statements: tuple[str, ...] = ()
    share: float = 0.0


@dataclass(frozen=True)
class Ground:
    """The base's workload and thresholds. `rows_written` estimates what a statement writes."""

    workload: Workload
    thresholds: Callable[[str, QualifiedName | None], Thresholds]
    rows_written: Callable[[str], float]

    def relation(self, name: QualifiedName) -> Relation | None:
        return self.workload.snapshot.relation_by_name.get(name)

    def largest(
        self, rule: str, step: Step, wanted: Callable[[Touched], bool]
    ) -> tuple[Touched, Relation] | None:
        """The largest relation that a step touched in the wanted way, if that one is large."""
        found = [
            (touched, relation)
            for touched in step.touched
            if wanted(touched) and (relation := self.relation(touched.relation))
        ]
        found = [
            (t, r) for t, r in found if r.kind in "rm" and self.thresholds(rule, r.name).is_large(r)
        ]
        return max(found, key=lambda pair: (pair[1].size_bytes, pair[1].name), default=None)

    def hazard(self, touched: Touched, relation: Relation, message: str, cure: str = "") -> Hazard:
        """A hazard on a relation, with the statements that wait meanwhile."""
        waiting = [
            s for s, use in self.workload.uses_of(relation.name)
            if blocks_reads(touched.lock) or use.role == "target"
        ]  # fmt: skip
        known = {s.fingerprint: s for s in waiting}
        if known:
            message += f" {number_of(len(known), 'statement')} of production would wait."
        return Hazard(
            relation=relation.name,
            message=message,
            evidence={
                "lock": touched.lock,
                "rows": round(rows_of(relation)),
                "size_bytes": relation.size_bytes,
            },
            cure=cure,
            statements=tuple(known),
            share=min(1.0, sum(s.share for s in known.values())),
        )


def blocks_writes(lock: LockMode) -> bool:
    return LOCK_MODES.index(lock) >= LOCK_MODES.index(_BLOCKS_WRITES)


def blocks_reads(lock: LockMode) -> bool:
    return lock == _BLOCKS_READS


def blocked(lock: LockMode) -> str:
    """What a lock keeps waiting, in words."""
    return "reads and writes" if blocks_reads(lock) else "writes"


def measure(relation: Relation) -> str:
    """A relation's size in words."""
    return f"{count_text(rows_of(relation))} rows, {bytes_text(relation.size_bytes)}"


def first_words(step: Step) -> tuple[str, ...]:
    """The first words of a step's statement, in lower case."""
    return tuple(step.statement.text.lower().split()[:6])
