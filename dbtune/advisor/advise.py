"""The advisor: which indexes to build, what they save, and why nothing else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dbtune.advice import Advice, Declined
from dbtune.advisor import declined
from dbtune.advisor.explore import Explored, explore
from dbtune.advisor.gather import Gathered, gather
from dbtune.advisor.maintenance import Writes, maintenance_ms, writes_of
from dbtune.advisor.merge import may_replace, merged
from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Names, OutOfTime, Prices
from dbtune.advisor.recommend import recommendations, unverified
from dbtune.advisor.search import Found, Search
from dbtune.advisor.served import is_served
from dbtune.advisor.targets import MS_PER_COST, Target, value_of
from dbtune.index import IndexSpec
from dbtune.plan import Unplanned
from dbtune.pricing import Hypothetical, PricingEngine, Rejected
from dbtune.progress import Progress, Silent
from dbtune.workload import Workload

_SHARE_PER_INDEX = 0.001
_RELATIONS = 20
"""An index must save this part of the workload, whatever it costs to keep; less where the workload
is spread over more relations than this."""

_SHARE_PER_SIZE = 0.0005
"""And this part more, if it is as large as all the tables together."""

_EXPLAINS_PER_TARGET = 30


def advise(
    workload: Workload,
    engine: PricingEngine | None,
    options: AdvisorOptions | None = None,
    progress: Progress | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Advice:
    """The indexes that save most of the workload's time, with the proof of it.

    Without an engine the candidates that the statements ask for are given unverified. Once
    `is_stopped` says so, the best set found until then is.
    """
    options = options or AdvisorOptions()
    progress = progress or Silent()
    progress.stage("make index candidates")
    gathered = gather(workload, options)
    if engine is None:
        return unverified(workload, gathered)
    return _Run(workload, engine, options, progress, is_stopped).advise(gathered)


@dataclass
class _Run:
    """One run of the advisor."""

    workload: Workload
    engine: PricingEngine
    options: AdvisorOptions
    progress: Progress
    is_stopped: Callable[[], bool]

    def advise(self, gathered: Gathered) -> Advice:
        limit = self.options.time_limit_s
        deadline = time.monotonic() + limit if limit is not None else None
        start = self.engine.explains
        prices = Prices(self.engine, deadline, self.is_stopped)
        names = self._suppose(prices, gathered)
        targets, relevant, explored = self._explore(prices, gathered, names)
        substitutes = self._merge(prices, targets, relevant, explored)
        search = Search(
            targets, relevant, self._fixed(prices, targets, relevant), prices, self.options,
            substitutes,
        )  # fmt: skip
        self.progress.stage("choose indexes")
        budget = self.options.max_explains or _EXPLAINS_PER_TARGET * max(len(targets), 4)
        found = search.run(budget, lambda: self.engine.explains - start)
        left = _unserved(gathered, explored, search, found)
        return Advice(
            recommendations=recommendations(self.workload, search, found, self.engine.name),
            declined=(*sorted(gathered.declined, key=_order), *left),
            candidates_made=len(prices.names()) + sum(gathered.pruned.values()),
            candidates_pruned=tuple(sorted(gathered.pruned.items())),
            explains=self.engine.explains - start,
            engine=self.engine.name,
            cost_before=sum(t.cost_before * max(t.statement.calls, 1) for t in targets),
            cost_after=sum(_cost_after(t, search, found) for t in targets),
            gap=found.gap,
            complete=found.complete and not prices.is_over,
        )

    def _suppose(self, prices: Prices, gathered: Gathered) -> dict[IndexSpec, str]:
        """Tell the engine of all candidates; those it refuses fall away with its reason."""
        specs = tuple(dict.fromkeys(s for of in gathered.specs.values() for s in of))
        return self._add(prices, specs, gathered.pruned, gathered.declined)

    def _add(
        self,
        prices: Prices,
        specs: Sequence[IndexSpec],
        pruned: Counter[str],
        refused: list[Declined],
    ) -> dict[IndexSpec, str]:
        wanted = [s for s in specs if not self.options.excludes(s)]
        if len(wanted) < len(specs):
            pruned["made a statement slower when measured"] += len(specs) - len(wanted)
        self.progress.stage("suppose indexes", len(wanted))
        names = {}
        for answer in self.engine.suppose(wanted):
            self.progress.step()
            if isinstance(answer, Rejected):
                pruned["refused by the server"] += 1
                if len(answer.spec.keys) == 1 and not answer.spec.included:
                    refused.append(Declined(str(answer.spec), answer.reason))
            elif _fits(answer, self.options):
                prices.add(answer)
                names[answer.spec] = answer.name
            else:
                pruned["larger than the budget"] += 1
        return names

    def _explore(
        self, prices: Prices, gathered: Gathered, names: Mapping[IndexSpec, str]
    ) -> tuple[list[Target], dict[str, Names], dict[str, Explored]]:
        """Plan each statement with and without its candidates."""
        self.progress.stage("price indexes", len(gathered.specs))
        targets: list[Target] = []
        relevant: dict[str, Names] = {}
        explored: dict[str, Explored] = {}
        order = sorted(gathered.specs, key=lambda k: (-gathered.statements[k].weight, k))
        try:
            for key in order:
                self.progress.step()
                target = self._target(gathered, key)
                if target is not None:
                    prices.start(target)
                    candidates = frozenset(names[s] for s in gathered.specs[key] if s in names)
                    found = explore(prices, target, candidates, self.options)
                    targets.append(target)
                    explored[key], relevant[key] = found, found.winners
        except OutOfTime:
            gathered.declined += [
                declined.statement(gathered.statements[key], declined.STOPPED)
                for key in order[order.index(key) :]
            ]
        return targets, relevant, explored

    def _target(self, gathered: Gathered, key: str) -> Target | None:
        statement = gathered.statements[key]
        plan = self.engine.plan(
            statement.planned_text, search_path=statement.statistics.search_path
        )
        if isinstance(plan, Unplanned):
            reason = f"not planned: {plan.reason}"
            gathered.declined.append(declined.statement(statement, reason))
            return None
        cost = max(plan.total_cost, 0.01)
        value = value_of(statement, cost, self.options.objective)
        loose = gathered.loose[key] if self.options.objective == "time" else frozenset()
        return Target(statement, value, cost, plan, loose)

    def _merge(
        self,
        prices: Prices,
        targets: Sequence[Target],
        relevant: dict[str, Names],
        explored: Mapping[str, Explored],
    ) -> dict[str, list[tuple[str, str]]]:
        """Let each target use merged candidates, and wider ones that another target wants.

        Returns (wide, narrow) pairs for each target.
        """
        best = sorted({n for e in explored.values() for n in e.best})
        specs = [
            spec
            for spec in merged(prices.hypothetical(name).spec for name in best)
            if not is_served(spec, self.workload.snapshot)
        ]
        wide = self._add(prices, specs, Counter(), []) if self.options.include else {}
        winners = sorted({n for e in explored.values() for n in e.winners})
        wide.update((prices.hypothetical(name).spec, name) for name in winners)
        substitutes: dict[str, list[tuple[str, str]]] = {}
        for target in targets:
            pairs = [
                (name, narrow)
                for spec, name in wide.items()
                for narrow in sorted(relevant[target.key])
                if name not in relevant[target.key]
                and may_replace(spec, prices.hypothetical(narrow).spec)
            ]
            if pairs:
                substitutes[target.key] = pairs
                relevant[target.key] |= {name for name, _ in pairs}
                try:
                    prices.price(target, relevant[target.key])
                except OutOfTime:
                    break
        return substitutes

    def _fixed(
        self, prices: Prices, targets: Sequence[Target], relevant: Mapping[str, Names]
    ) -> dict[str, float]:
        """What each candidate costs by being there: writes, space, one more thing to keep."""
        total = sum(target.value for target in targets)
        tables = sum(r.size_bytes for r in self.workload.snapshot.relations) or 1
        writes = writes_of(self.workload)
        candidates = sorted({n for names in relevant.values() for n in names})
        spread = len({prices.hypothetical(name).spec.relation for name in candidates})
        per_index = _SHARE_PER_INDEX * min(1.0, _RELATIONS / max(spread, 1))
        fixed = {}
        for name in candidates:
            hypothetical = prices.hypothetical(name)
            share = per_index + _SHARE_PER_SIZE * hypothetical.size_bytes / tables
            fixed[name] = total * share + self._keep(hypothetical, writes)
        return fixed

    def _keep(self, hypothetical: Hypothetical, writes: Writes) -> float:
        spec = hypothetical.spec
        written = writes.get(spec.relation, ())
        size_bytes = hypothetical.size_bytes
        keep = maintenance_ms(spec, written, self.workload.snapshot, size_bytes)
        return keep if self.options.objective == "time" else keep / MS_PER_COST


def _fits(hypothetical: Hypothetical, options: AdvisorOptions) -> bool:
    return options.budget_bytes is None or hypothetical.size_bytes <= options.budget_bytes


def _cost_after(target: Target, search: Search, found: Found) -> float:
    chosen = found.chosen & search.relevant[target.key]
    return search.prices.price(target, chosen).cost * max(target.statement.calls, 1)


def _unserved(
    gathered: Gathered, explored: Mapping[str, Explored], search: Search, found: Found
) -> list[Declined]:
    """The reason for each priced statement that no chosen index serves."""
    left = []
    min_gain_pct = search.options.min_gain_pct
    for target in sorted(search.targets, key=lambda t: t.key):
        outcome = explored[target.key]
        chosen = found.chosen & search.relevant[target.key]
        if not outcome.winners:
            obstacle = gathered.obstacles.get(target.key)
            reason = declined.no_gain(target.plan_before, outcome.cost, min_gain_pct, obstacle)
        elif search.prices.price(target, chosen).used:
            continue
        elif _limited(search.options) and _pays(search, target, outcome):
            reason = declined.OVER_BUDGET
        else:
            reason = declined.NOT_WORTH_IT
        left.append(declined.statement(gathered.statements[target.key], reason))
    return left


def _pays(search: Search, target: Target, outcome: Explored) -> bool:
    """True if the statement alone would pay for the indexes of its best plan."""
    saved = target.value * (1 - outcome.cost / target.cost_before)
    return sum(search.fixed[name] for name in outcome.best) < saved


def _limited(options: AdvisorOptions) -> bool:
    limits = (options.budget_bytes, options.max_indexes, options.max_per_table)
    return any(limit is not None for limit in limits)


def _order(item: Declined) -> tuple[str, str]:
    return (item.statement, item.what)
