"""Changes that mend something, and recommendations: a change with its proof."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.snapshot.model import Snapshot


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """Build an index. `replaces` names indexes that it makes redundant.

    `extensions` must be created first: the server has them, the database does not use them yet.
    A partitioned relation's index is built otherwise: not concurrently in one statement.
    """

    spec: IndexSpec
    replaces: tuple[QualifiedName, ...] = ()
    extensions: tuple[str, ...] = ()
    is_partitioned: bool = False


def creation_of(
    spec: IndexSpec, snapshot: Snapshot, replaces: tuple[QualifiedName, ...] = ()
) -> CreateIndex:
    """What building the index means in this database."""
    installed = {extension.name for extension in snapshot.extensions}
    relation = snapshot.relation_by_name.get(spec.relation)
    return CreateIndex(
        spec,
        replaces,
        extensions=tuple(name for name in spec.extensions if name not in installed),
        is_partitioned=relation is not None and relation.kind == "p",
    )


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Drop an index; `definition` is the CREATE INDEX that brings it back.

    `served_by` names the indexes that do its work and must therefore stay.
    """

    name: QualifiedName
    relation: QualifiedName
    definition: str
    served_by: tuple[QualifiedName, ...] = ()


@dataclass(frozen=True, slots=True)
class RebuildIndex:
    """REINDEX CONCURRENTLY, for an invalid index that is wanted."""

    name: QualifiedName
    relation: QualifiedName


@dataclass(frozen=True, slots=True)
class RewriteStatement:
    """A change in the application: `before` is the statement, `after` what to send instead."""

    before: str
    after: str
    explanation: str


Change = CreateIndex | DropIndex | RebuildIndex | RewriteStatement


@dataclass(frozen=True)
class Price:
    """What a change does to one statement, in planner cost; `engine` says who computed it."""

    statement: str
    calls: int
    total_exec_ms: float
    cost_before: float
    cost_after: float
    engine: str

    @property
    def ratio(self) -> float:
        return self.cost_after / self.cost_before if self.cost_before else 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the recommended set, built, did to one statement, beside what was predicted.

    Times are of one call, in milliseconds; `low` and `high` bound after ÷ before. `verdict` is
    "faster", "slower", "same" or "too noisy". `predicted` is the ratio of planner costs, None where
    nothing was. `note` says what else to know, such as that a side was stopped at the time cap.
    """

    statement: str
    calls: float
    before_ms: float
    after_ms: float
    low: float
    high: float
    verdict: str
    predicted: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.after_ms / self.before_ms if self.before_ms else 1.0


@dataclass(frozen=True)
class Recommendation:
    """A change, why, what it costs and gains.

    `prices` is empty when nothing priced it: reports then say "unverified" unless `verified`
    holds another proof (a duplicate needs no price). `saved_ms` is execution time saved over
    the period of the statistics, `write_ms` what maintaining the index adds.
    `rules` are the rules whose findings it mends; `notes` are warnings (VACUUM first, plan risk).
    `measured` are the statements that used it where it was built, `built_bytes` its size there.
    """

    change: Change
    reason: str
    prices: tuple[Price, ...] = ()
    size_bytes: int | None = None
    saved_ms: float = 0.0
    write_ms: float = 0.0
    statements: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    verified: str = ""
    measured: tuple[Measured, ...] = ()
    built_bytes: int | None = None

    @property
    def is_verified(self) -> bool:
        return bool(self.prices or self.verified)

    @property
    def measured_ms(self) -> tuple[float, float] | None:
        """Time of a call before and after where it was built, averaged by calls."""
        weight = sum(max(m.calls, 1.0) for m in self.measured)
        if not weight:
            return None
        return (
            sum(m.before_ms * max(m.calls, 1.0) for m in self.measured) / weight,
            sum(m.after_ms * max(m.calls, 1.0) for m in self.measured) / weight,
        )


@dataclass(frozen=True, slots=True)
class Declined:
    """A statement that gets no index, or a candidate not chosen, with the reason."""

    what: str
    reason: str
    statement: str = ""


@dataclass(frozen=True)
class Advice:
    """The chosen set and the account of how it was chosen.

    Counts are of candidates; `gap` is the relative distance to a proven bound (None: unknown).
    """

    recommendations: tuple[Recommendation, ...] = ()
    declined: tuple[Declined, ...] = ()
    candidates_made: int = 0
    candidates_pruned: tuple[tuple[str, int], ...] = ()
    explains: int = 0
    engine: str = ""
    cost_before: float = 0.0
    cost_after: float = 0.0
    gap: float | None = None
    complete: bool = True


@dataclass(frozen=True)
class Verification:
    """What happened when the recommended set was built at `place` and the workload run there.

    `measured` are the statements whose plan or writes it changed; `unchanged` counts the others.
    `rejected` are indexes that made a statement slower and were replaced or left out, and those
    not tried; `sizes` are bytes by index as built; `sets` counts the sets built, of which the first
    did `at_first`. `stopped` says why it ended early: then not everything that is recommended was
    measured.
    """

    place: str
    measured: tuple[Measured, ...] = ()
    at_first: tuple[Measured, ...] = ()
    unchanged: int = 0
    rejected: tuple[Declined, ...] = ()
    not_measured: tuple[Declined, ...] = ()
    sizes: tuple[tuple[IndexSpec, int], ...] = ()
    used: tuple[tuple[IndexSpec, tuple[str, ...]], ...] = ()
    excluded: tuple[IndexSpec, ...] = ()
    sets: int = 1
    stopped: str = ""

    def count(self, verdict: str) -> int:
        """How many measured statements got a verdict."""
        return sum(m.verdict == verdict for m in self.measured)
