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
    Verification,
)
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.report.model import Report
from dbtune.typeset.figures import ms_text, number_of, percent_text


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
        case CreateIndex(spec):
            title = f"Create index {spec}"
            ddl = _create(change)
            return Described("create_index", title, ddl, spec.relation, spec.key_columns)
        case DropIndex(name, relation, definition):
            # Of a partitioned index the server says ON ONLY; it cannot be dropped concurrently.
            how = "" if " ON ONLY " in definition else "CONCURRENTLY "
            ddl = f"DROP INDEX {how}{name.sql};"
            return Described("drop_index", f"Drop index {name} on {relation}", ddl, relation)
        case RebuildIndex(name, relation):
            ddl = f"REINDEX INDEX CONCURRENTLY {name.sql};"
            return Described("rebuild_index", f"Rebuild index {name} on {relation}", ddl, relation)
        case RewriteStatement(_, after, explanation):
            return Described("rewrite_statement", f"Rewrite: {explanation}", after, None)


def _create(change: CreateIndex) -> str:
    spec = change.spec
    lines = [f"CREATE EXTENSION IF NOT EXISTS {quote_identifier(e)};" for e in change.extensions]
    if change.is_partitioned:
        lines.append("-- Blocks writes; the migration builds it partition by partition instead.")
    concurrently = not change.is_partitioned
    return "\n".join([*lines, spec.ddl(spec.default_name(), concurrently=concurrently) + ";"])


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


def measured_text(before_ms: float, after_ms: float) -> str:
    """`12 ms → 0.1 ms (120× faster)`, as measured on a clone."""
    ratio = after_ms / before_ms if before_ms else 1.0
    if ratio <= 0.95:
        word = f"{1 / max(ratio, 1e-9):,.3g}× faster"
    else:
        word = f"{ratio:,.3g}× slower" if ratio >= 1.05 else "no change"
    return f"{ms_text(before_ms)} → {ms_text(after_ms)} ({word})"


def proof_text(verification: Verification) -> str:
    """What measuring says of the whole set, in a few sentences."""
    counts = [
        f"{verification.count(verdict)} {verdict}"
        for verdict in ("faster", "slower", "same", "too noisy")
        if verification.count(verdict)
    ]
    touched = number_of(len(verification.measured), "statement")
    text = f"Built and measured on {verification.place}: {touched} touched"
    text += f" ({', '.join(counts)})" if counts else ""
    text += f", {verification.unchanged} with the same plan"
    if verification.not_measured:
        text += f", {len(verification.not_measured)} not measured"
    text += "."
    slower = sum(m.verdict == "slower" for m in verification.at_first)
    if slower and verification.sets > 1:
        text += (
            f" The first of {verification.sets} sets made {number_of(slower, 'statement')} slower."
        )
    if verification.rejected:
        text += f" {number_of(len(verification.rejected), 'index', 'indexes')} rejected by it."
    if verification.stopped:
        text += f" Ended early, so that not all of it is proven: {verification.stopped}."
    return text


def search_text(report: Report) -> str:
    """How good the chosen set is known to be, "" where there is nothing to say.

    Nothing is said of a set of which the report shows no index: no rule in use asked for one.
    """
    advice = report.advice
    if advice is None:
        return ""
    chosen = [r.change.spec for r in advice.recommendations if isinstance(r.change, CreateIndex)]
    shown = [r.change.spec for r in report.recommendations if isinstance(r.change, CreateIndex)]
    if chosen and not any(spec in shown for spec in chosen):
        return ""
    if not advice.complete:
        return "The search was ended early: these are the best indexes found until then."
    if advice.gap is None or not chosen:
        return ""
    if advice.gap < 0.0005:
        return "By the planner's costs no other set of the candidates is better."
    gap = percent_text(advice.gap)
    return f"By the planner's costs no set of the candidates is more than {gap} better."
