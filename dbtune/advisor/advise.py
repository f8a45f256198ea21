"""The advisor: which indexes to build, what they save, and why nothing else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dbtune.advice import Advice, Declined
from dbtune.advisor import declined
from dbtune.advisor.candidates import all_keys
from dbtune.advisor.gather import Gathered, gather
from dbtune.advisor.maintenance import Writes, maintenance_ms, writes_of
from dbtune.advisor.merge import may_replace, merged
from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.prices import Names, OutOfTime, Priced, Prices
from dbtune.advisor.program import prepare
from dbtune.advisor.recommend import recommendations, unverified
from dbtune.advisor.search import Found, Search
from dbtune.advisor.served import is_served
from dbtune.advisor.targets import MS_PER_COST, ONE_VISIT, Target, value_of
from dbtune.index import IndexSpec
from dbtune.plan import Unplanned
from dbtune.pricing import Hypothetical, PricingEngine, Rejected
from dbtune.progress import Progress, Silent
from dbtune.statement.model import Statement
from dbtune.workload import Workload

_SHARE_PER_INDEX = 0.001
_RELATIONS = 20
"""An index must save this part of the workload, whatever it costs to keep; less where the workload
is spread over more relations than this."""

_SHARE_PER_SIZE = 0.01
"""And this part more, if it is as large as all the tables together."""

_LEFT = 0.01
"""What a statement costs with the best indexes counts as no less than this part of what it does."""

_EXPLAINS_PER_STATEMENT = 13
_FEW_STATEMENTS = 8


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
        calls = self.options.max_explains
        if calls is None:
            calls = _EXPLAINS_PER_STATEMENT * max(len(gathered.specs), _FEW_STATEMENTS)
        prices = Prices(self.engine, deadline, calls, self.is_stopped)
        prepare()
        names = self._suppose(prices, gathered)
        targets, relevant = self._explore(prices, gathered, names)
        best = {target.key: prices.promised(target, relevant[target.key]) for target in targets}
        self._merge(prices, targets, relevant)
        fixed = self._fixed(prices, targets, relevant, best)
        search = Search(targets, relevant, fixed, prices, self.options)
        self.progress.stage("choose indexes")
        found = search.run()
        left = _unserved(gathered, best, search, found)
        return Advice(
            recommendations=recommendations(self.workload, search, found, self.engine.name),
            declined=(*sorted(gathered.declined, key=_order), *left),
            candidates_made=len(prices.names()) + sum(gathered.pruned.values()),
            candidates_pruned=tuple(sorted(gathered.pruned.items())),
            explains=prices.explains,
            engine=self.engine.name,
            cost_before=sum(t.cost_before * max(t.statement.calls, 1) for t in targets),
            cost_after=sum(_cost_after(t, search, found) for t in targets),
            gap=found.gap,
            complete=found.complete and not prices.is_over,
        )

    def _suppose(self, prices: Prices, gathered: Gathered) -> dict[IndexSpec, str]:
        """Tell the engine of all candidates; those it refuses fall away with its reason."""
        specs = tuple(dict.fromkeys(s for of in gathered.specs.values() for s in of))
        refused: dict[IndexSpec, str] = {}
        names = self._add(prices, specs, gathered.pruned, refused)
        gathered.declined += [Declined(str(spec), reason) for spec, reason in refused.items()]
        for key in gathered.specs if refused else ():
            self._explain(gathered, key, refused)
        return names

    def _explain(self, gathered: Gathered, key: str, refused: Mapping[IndexSpec, str]) -> None:
        """Note which candidate of a statement the server refused, and why."""
        parsed = gathered.statements[key].parsed
        for spec in gathered.specs[key]:
            if spec in refused and isinstance(parsed, Statement):
                reason = declined.refused(spec, refused[spec], parsed, self.workload.snapshot)
                gathered.obstacles.setdefault(key, reason)

    def _add(
        self,
        prices: Prices,
        specs: Sequence[IndexSpec],
        pruned: Counter[str],
        refused: dict[IndexSpec, str],
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
                    refused[answer.spec] = answer.reason
            elif _fits(answer, self.options):
                prices.add(answer)
                names[answer.spec] = answer.name
            else:
                pruned["larger than the budget"] += 1
        return names

    def _explore(
        self, prices: Prices, gathered: Gathered, names: Mapping[IndexSpec, str]
    ) -> tuple[list[Target], dict[str, Names]]:
        """Plan each statement with none and with all of its candidates.

        Candidates that all together gain too little are no candidates.
        """
        self.progress.stage("price indexes", len(gathered.specs))
        targets: list[Target] = []
        relevant: dict[str, Names] = {}
        order = sorted(gathered.specs, key=lambda k: (-gathered.statements[k].weight, k))
        try:
            for key in order:
                self.progress.step()
                target = self._target(prices, gathered, key)
                if target is not None:
                    prices.start(target)
                    candidates = frozenset(names[s] for s in gathered.specs[key] if s in names)
                    priced = prices.price(target, candidates)
                    least_share = 1 - self.options.min_gain_pct / 100
                    enough = min(target.cost_before * least_share, target.cost_before - ONE_VISIT)
                    targets.append(target)
                    relevant[key] = candidates if priced.cost <= enough else frozenset()
                    prices.compare(target, relevant[key])
        except OutOfTime:
            gathered.declined += [
                declined.statement(gathered.statements[key], declined.STOPPED)
                for key in order[len(relevant) :]
            ]
        return targets, relevant

    def _target(self, prices: Prices, gathered: Gathered, key: str) -> Target | None:
        statement = gathered.statements[key]
        plan = prices.plan(statement)
        if isinstance(plan, Unplanned):
            reason = f"not planned: {plan.reason}"
            gathered.declined.append(declined.statement(statement, reason))
            return None
        cost = max(plan.total_cost, 0.01)
        return Target(statement, value_of(statement, cost, self.options.objective), cost, plan)

    def _merge(self, prices: Prices, targets: Sequence[Target], relevant: dict[str, Names]) -> None:
        """Let each target use merged candidates, and wider ones that another target wants."""
        wanted = sorted({n for t in targets for p in prices.known(t) for n in p.used})
        wider = merged(prices.hypothetical(name).spec for name in wanted)
        specs = [
            spec
            for spec in (wider if self.options.include else map(all_keys, wider))
            if not is_served(spec, self.workload.snapshot)
        ]
        wide = self._add(prices, specs, Counter(), {})
        wide.update((prices.hypothetical(name).spec, name) for name in wanted)
        alike: dict[object, list[IndexSpec]] = {}
        for spec in wide:
            alike.setdefault((spec.relation, spec.keys[0]), []).append(spec)
        for target in targets:
            more = {
                wide[spec]
                for name in relevant[target.key]
                for narrow in (prices.hypothetical(name).spec,)
                for spec in alike.get((narrow.relation, narrow.keys[0]), ())
                if may_replace(spec, narrow)
            }
            if more - relevant[target.key]:
                relevant[target.key] |= more
                prices.compare(target, relevant[target.key])
                try:
                    prices.price(target, relevant[target.key])
                except OutOfTime:
                    break

    def _fixed(
        self,
        prices: Prices,
        targets: Sequence[Target],
        relevant: Mapping[str, Names],
        best: Mapping[str, Priced],
    ) -> dict[str, float]:
        """What each candidate costs by being there: writes, space, one more thing to keep.

        The last two in parts of what the workload will cost with indexes, within reason: beside a
        statement that was a thousand times too slow, no index would earn its place.
        """
        total = sum(t.value * max(best[t.key].cost / t.cost_before, _LEFT) for t in targets)
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
    return search.prices.promised(target, chosen).cost * max(target.statement.calls, 1)


def _unserved(
    gathered: Gathered, best: Mapping[str, Priced], search: Search, found: Found
) -> list[Declined]:
    """The reason for each priced statement that no chosen index serves."""
    left = []
    min_gain_pct = search.options.min_gain_pct
    for target in sorted(search.targets, key=lambda t: t.key):
        relevant = search.relevant[target.key]
        if not relevant:
            obstacle = gathered.obstacles.get(target.key)
            cost = min(priced.cost for priced in search.prices.known(target))
            reason = declined.no_gain(target.plan_before, cost, min_gain_pct, obstacle)
        elif search.prices.promised(target, found.chosen & relevant).used:
            continue
        elif search.options.are_limits and _pays(search, target, best[target.key]):
            reason = declined.OVER_BUDGET
        else:
            reason = declined.NOT_WORTH_IT
        left.append(declined.statement(gathered.statements[target.key], reason))
    return left


def _pays(search: Search, target: Target, best: Priced) -> bool:
    """True if the statement alone would pay for the indexes of its best plan."""
    saved = target.value * (1 - best.cost / target.cost_before)
    return sum(search.fixed[name] for name in best.used) < saved


def _order(item: Declined) -> tuple[str, str]:
    return (item.statement, item.what)
