"""What answers "which plan, at what cost": the Protocol behind which pricing engines stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from dbtune.index import IndexSpec
from dbtune.plan import Plan, Unplanned


@dataclass(frozen=True, slots=True)
class Hypothetical:
    """A candidate index that the engine knows, hidden until a plan asks to see it.

    `name` is the name by which plans show it; on a partitioned relation plans show `parts`, the
    indexes of its partitions, instead. `size_bytes` is the estimated size once built.
    """

    name: str
    spec: IndexSpec
    size_bytes: int
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate that the engine cannot model, and why."""

    spec: IndexSpec
    reason: str


class PricingEngine(Protocol):
    """Plans statements as the target would, with hypothetical indexes shown or existing hidden.

    Every engine holds one database's schema and statistics. Deterministic: equal questions get
    equal answers. `explains` counts the planner calls made so far.
    """

    @property
    def name(self) -> str:
        """The word said beside every price: twin, hypopg or recorded."""
        ...

    @property
    def explains(self) -> int: ...

    def plan(
        self,
        text: str,
        *,
        show: Collection[str] = (),
        hide: Collection[str] = (),
        search_path: Sequence[str] = (),
    ) -> Plan | Unplanned:
        """The plan of a statement (`$n` texts get a generic plan).

        Args:
            text: one statement.
            show: names of hypothetical indexes to let the planner see; others stay hidden.
            hide: existing indexes (schema.name, as QualifiedName.sql) to keep from the planner.
            search_path: schemas to resolve unqualified names in; empty: the snapshot's.
        """
        ...

    def suppose(self, specs: Sequence[IndexSpec]) -> tuple[Hypothetical | Rejected, ...]:
        """Make hypothetical indexes, hidden; one answer per spec, in order; repeats are free."""
        ...
