"""Changes that mend something, and recommendations: a change with its proof."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """Build an index. `replaces` names indexes that it makes redundant.

    `extensions` must be created first: the server has them, the database does not use them yet.
    """

    spec: IndexSpec
    replaces: tuple[QualifiedName, ...] = ()
    extensions: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Recommendation:
    """A change, why, what it costs and gains.

    `prices` is empty when nothing priced it: reports then say "unverified" unless `verified`
    holds another proof (a duplicate needs no price). `saved_ms` is execution time saved over
    the period of the statistics, `write_ms` what maintaining the index adds.
    `rules` are the rules whose findings it mends; `notes` are warnings (VACUUM first, plan risk).
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

    @property
    def is_verified(self) -> bool:
        return bool(self.prices or self.verified)


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
