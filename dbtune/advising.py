"""Advice and what the rules make of it; again for each set that measuring speaks against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbtune.advice import Advice, CreateIndex, Recommendation, Verification
from dbtune.advisor import advise
from dbtune.index import IndexSpec
from dbtune.interrupt import on_interrupt
from dbtune.options import AnalyzeOptions, VerifyOptions
from dbtune.pricing import Hypothetical, PricingEngine
from dbtune.progress import Progress
from dbtune.rules.judge import Judgement, judge
from dbtune.rules.model import Rule
from dbtune.verify.proven import proven
from dbtune.workload import Workload

MAX_SETS = 6
"""Sets that the advisor is asked for while measuring speaks against them; then it is only left out
what made a statement slower."""


@dataclass
class Advising:
    """Advice, and what the rules make of it; again for each set that measuring speaks against."""

    workload: Workload
    rules: Sequence[Rule]
    options: AnalyzeOptions
    engine: PricingEngine | None
    progress: Progress
    advice: Advice | None = None
    sets: int = 0

    def recommend(self, excluded: tuple[IndexSpec, ...]) -> tuple[Recommendation, ...]:
        """What to build, these indexes excluded."""
        self._advise(excluded)
        return self.outcome(Verification("", excluded=excluded))[2]

    def _advise(self, excluded: tuple[IndexSpec, ...]) -> None:
        asked = replace(self.options.advisor, excluded=excluded)
        if self.advice is None or self.sets < MAX_SETS:
            with on_interrupt() as is_stopped:
                self.advice = advise(self.workload, self.engine, asked, self.progress, is_stopped)
        self.sets += 1

    def outcome(
        self, verification: Verification | None
    ) -> tuple[Workload, Judgement, tuple[Recommendation, ...]]:
        """The workload with the advice, judged, and with what was measured."""
        if self.advice is None:
            self._advise(())
        assert self.advice is not None
        proof = verification or Verification("")
        advice = replace(
            self.advice,
            recommendations=proven(self.advice.recommendations, proof),
            declined=(*self.advice.declined, *proof.rejected),
        )
        workload = replace(self.workload, advice=advice)
        self.progress.stage("judge")
        judged = judge(
            workload,
            self.rules,
            select=self.options.select,
            ignore=self.options.ignore,
            min_confidence=self.options.min_confidence,
            scope=self.options.scope,
        )
        recommendations = proven(judged.recommendations, proof)
        return workload, judged, _with_sizes(recommendations, self.engine)


def proof_of(advising: Advising, options: VerifyOptions) -> Verification:
    """Have the advice proven."""
    # No room with a server in it is wanted where nothing is measured.
    from dbtune.bench.logged import logged_values  # noqa: PLC0415
    from dbtune.bench.measure import Effort  # noqa: PLC0415
    from dbtune.verify.compare import LEAST_ROUNDS  # noqa: PLC0415
    from dbtune.verify.place import opened_clone  # noqa: PLC0415
    from dbtune.verify.verify import Question, verify  # noqa: PLC0415

    workload, progress = advising.workload, advising.progress
    effort = Effort(options.time_limit_s, options.cap_s, LEAST_ROUNDS)
    values = logged_values(workload.traffic) if workload.traffic else {}
    with opened_clone(
        options.on, workload.snapshot, journal_file=options.journal_file,
        known_as=options.known_as, progress=progress,
    ) as clone:  # fmt: skip
        return verify(clone, Question(workload, effort, values), advising.recommend, progress)


def _with_sizes(
    recommendations: Sequence[Recommendation], engine: PricingEngine | None
) -> tuple[Recommendation, ...]:
    """The recommendations, each new index with its estimated size, also where no price was due."""
    if engine is None:
        return tuple(recommendations)
    sized = []
    for recommendation in recommendations:
        change = recommendation.change
        if isinstance(change, CreateIndex) and recommendation.size_bytes is None:
            (supposed,) = engine.suppose([change.spec])
            if isinstance(supposed, Hypothetical):
                sized.append(replace(recommendation, size_bytes=supposed.size_bytes))
                continue
        sized.append(recommendation)
    return tuple(sized)
