"""What a recommendation changes, in the words and figures that every format shows."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.advice import (
    Change,
    CreateIndex,
    DropIndex,
    Price,
    RebuildIndex,
    Recommendation,
    RewriteStatement,
)
from dbtune.identifier import QualifiedName, quote_identifier


@dataclass(frozen=True, slots=True)
class Described:
    """A change for people: `kind` for machines, `title` in one line, `ddl` ready to paste."""

    kind: str
    title: str
    ddl: str
    relation: QualifiedName | None
    columns: tuple[str, ...] = ()


def describe(change: Change) -> Described:
    """The change in words and as DDL; a rewrite's `ddl` is the statement to send instead."""
    match change:
        case CreateIndex(spec, extensions=extensions):
            created = [f"CREATE EXTENSION IF NOT EXISTS {quote_identifier(e)}" for e in extensions]
            ddl = ";\n".join([*created, spec.ddl(spec.default_name(), concurrently=True)]) + ";"
            title = f"Create index {spec}"
            return Described("create_index", title, ddl, spec.relation, spec.key_columns)
        case DropIndex(name, relation, _):
            ddl = f"DROP INDEX CONCURRENTLY {name.sql};"
            return Described("drop_index", f"Drop index {name} on {relation}", ddl, relation)
        case RebuildIndex(name, relation):
            ddl = f"REINDEX INDEX CONCURRENTLY {name.sql};"
            return Described("rebuild_index", f"Rebuild index {name} on {relation}", ddl, relation)
        case RewriteStatement(_, after, explanation):
            return Described("rewrite_statement", f"Rewrite: {explanation}", after, None)


@dataclass(frozen=True, slots=True)
class Effect:
    """Planner cost per call, before and after, averaged over the statements served by calls."""

    cost_before: float
    cost_after: float

    @property
    def ratio(self) -> float:
        """How many times cheaper; 1 is no change."""
        return self.cost_before / self.cost_after if self.cost_after else 1.0


def effect(recommendation: Recommendation) -> Effect | None:
    """What the prices say together; None when nothing priced the recommendation."""
    prices = recommendation.prices
    if not prices:
        return None
    weight = float(sum(map(_weight, prices)))
    return Effect(
        sum(p.cost_before * _weight(p) for p in prices) / weight,
        sum(p.cost_after * _weight(p) for p in prices) / weight,
    )


def _weight(price: Price) -> int:
    return max(price.calls, 1)


def served(recommendation: Recommendation) -> tuple[str, ...]:
    """Fingerprints of the statements that it serves: the priced ones first."""
    priced = (p.statement for p in recommendation.prices)
    return tuple(dict.fromkeys([*priced, *recommendation.statements]))
