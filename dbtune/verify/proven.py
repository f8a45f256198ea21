"""Recommendations as measuring left them: without what it spoke against, with their figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dbtune.advice import CreateIndex, DropIndex, Recommendation, Verification
from dbtune.advisor.options import AdvisorOptions


def proven(
    recommendations: Sequence[Recommendation], verification: Verification
) -> tuple[Recommendation, ...]:
    """The recommendations that stand, each new index with the statements measured using it.

    What a rejected index would have replaced is not dropped.
    """
    limits = AdvisorOptions(excluded=verification.excluded)
    gone = {
        name
        for r in recommendations
        if isinstance(r.change, CreateIndex) and limits.excludes(r.change.spec)
        for name in r.change.replaces
    }
    standing = [
        r
        for r in recommendations
        if not (isinstance(r.change, CreateIndex) and limits.excludes(r.change.spec))
    ]
    gone -= {n for r in standing if isinstance(r.change, CreateIndex) for n in r.change.replaces}
    return tuple(
        _with_figures(r, verification)
        for r in standing
        if not (isinstance(r.change, DropIndex) and r.change.name in gone)
    )


def _with_figures(recommendation: Recommendation, verification: Verification) -> Recommendation:
    change = recommendation.change
    if not isinstance(change, CreateIndex):
        return recommendation
    size = dict(verification.sizes).get(change.spec)
    users = dict(verification.used).get(change.spec, ())
    measured = tuple(m for m in verification.measured if m.statement in users)
    return replace(recommendation, measured=measured, built_bytes=size) if size else recommendation
