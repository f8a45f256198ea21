"""What the user may ask of the advisor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dbtune.errors import BadInput
from dbtune.index import IndexSpec

Objective = Literal["time", "cost"]

KINDS = ("btree", "brin", "gin", "gist")
"""Access methods that the advisor proposes."""


def require_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """The access methods asked for.

    Raises:
        BadInput: one that the advisor does not propose.
    """
    asked = tuple(kinds)
    unknown = [kind for kind in asked if kind not in KINDS]
    if unknown:
        raise BadInput(
            f"The advisor does not propose {unknown[0]!r} indexes.",
            f"Choose among {', '.join(KINDS)}.",
        )
    return asked


@dataclass(frozen=True, slots=True)
class AdvisorOptions:
    """Limits and aims of one run; None means no limit.

    Attributes:
        budget_bytes: total size of the new indexes, as built.
        max_indexes: number of new indexes.
        max_per_table: number of new indexes on one relation.
        min_gain_pct: an index must lower the cost of some statement by this much.
        objective: "time" saves execution time; "cost" sums planner cost times calls.
        kinds: access methods to propose.
        include: let indexes have INCLUDE columns; else what covers stands among the keys.
        time_limit_s: stop searching after this long and return the best so far.
        max_explains: planner calls allowed; None: some for each statement.
        excluded: indexes not to propose, because measuring spoke against them.
    """

    budget_bytes: int | None = None
    max_indexes: int | None = None
    max_per_table: int | None = None
    min_gain_pct: float = 5.0
    objective: Objective = "time"
    kinds: tuple[str, ...] = KINDS
    include: bool = True
    time_limit_s: float | None = None
    max_explains: int | None = None
    excluded: tuple[IndexSpec, ...] = ()

    @property
    def are_limits(self) -> bool:
        """True if not every index that pays may be chosen."""
        limits = (self.budget_bytes, self.max_indexes, self.max_per_table)
        return any(limit is not None for limit in limits)

    def excludes(self, spec: IndexSpec) -> bool:
        """True for an excluded index, and for the likes of two that are: same first key."""
        alike = [e for e in self.excluded if _head(e) == _head(spec)]
        return spec in alike or len(alike) > 1


def _head(spec: IndexSpec) -> tuple[object, ...]:
    return spec.relation, spec.access_method, spec.keys[:1]
