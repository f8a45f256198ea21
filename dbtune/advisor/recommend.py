"""The chosen set as recommendations that explain themselves."""

from __future__ import annotations

from collections.abc import Mapping

from dbtune.advice import (
    Advice,
    CreateIndex,
    Declined,
    DropIndex,
    Price,
    Recommendation,
    creation_of,
)
from dbtune.advisor.gather import Gathered
from dbtune.advisor.maintenance import Writes, maintenance_ms, writes_of
from dbtune.advisor.prices import Names
from dbtune.advisor.risk import risks
from dbtune.advisor.search import Found, Search
from dbtune.advisor.served import names, replaced_by
from dbtune.advisor.targets import Target
from dbtune.index import IndexSpec, is_prefix
from dbtune.snapshot.catalog import Index
from dbtune.workload import Workload


def recommendations(
    workload: Workload, search: Search, found: Found, engine: str
) -> tuple[Recommendation, ...]:
    """One recommendation for each chosen index that some plan uses, the most saving first.

    What a statement saves is shared evenly among the new indexes of its plan.
    """
    served: dict[str, list[tuple[Target, Price, float]]] = {}
    for target in search.targets:
        priced = search.prices.promised(target, found.chosen & search.relevant[target.key])
        statistics = target.statement.statistics
        price = Price(
            target.key, statistics.calls, statistics.total_exec_ms, target.cost_before,
            priced.cost, engine,
        )  # fmt: skip
        used = _chosen_for(priced.used, found.chosen, search.prices.better(target))
        for name in sorted(used):
            served.setdefault(name, []).append((target, price, 1 / len(used)))
    writes = writes_of(workload)
    creations = [_creation(workload, search, n, served[n], writes) for n in sorted(served)]
    creations.sort(key=lambda r: (-r.saved_ms, str(r.change)))
    return (*creations, *_drops(workload, creations))


def _chosen_for(used: Names, chosen: Names, better: Mapping[str, Names]) -> Names:
    """The chosen indexes by which a plan can be had: those it uses, or such as serve no worse."""
    return frozenset(name if name in chosen else min(better[name] & chosen) for name in used)


def _creation(
    workload: Workload,
    search: Search,
    name: str,
    served: list[tuple[Target, Price, float]],
    writes: Writes,
) -> Recommendation:
    hypothetical = search.prices.hypothetical(name)
    spec = hypothetical.spec
    chosen = sorted(served, key=lambda s: (-s[0].value * (1 - s[1].ratio), s[0].key))
    saved = sum(
        t.statement.statistics.total_exec_ms * (1 - p.ratio) * part for t, p, part in served
    )
    replaces = replaced_by(spec, workload.snapshot)
    best = chosen[0][1]
    count = f"{len(chosen)} statement{'s' if len(chosen) > 1 else ''}"
    reason = (
        f"It serves {count}; the one that gains most goes from planner cost"
        f" {best.cost_before:,.2f} to {best.cost_after:,.2f}."
    )
    change = creation_of(spec, workload.snapshot, names(replaces))
    if change.extensions:
        reason += f" It needs the extension {', '.join(change.extensions)}, which the server has."
    if replaces:
        reason += f" It replaces {', '.join(str(i.name) for i in replaces)}."
    return Recommendation(
        change,
        reason,
        prices=tuple(price for _, price, _ in chosen),
        size_bytes=hypothetical.size_bytes,
        saved_ms=saved,
        write_ms=maintenance_ms(
            spec, writes.get(spec.relation, ()), workload.snapshot, hypothetical.size_bytes
        ),
        statements=tuple(target.key for target, _, _ in chosen),
        notes=risks(workload, search, spec, name),
    )


def _drops(workload: Workload, creations: list[Recommendation]) -> list[Recommendation]:
    """Existing indexes that a new one replaces."""
    drops: dict[Index, IndexSpec] = {}
    for recommendation in creations:
        if isinstance(recommendation.change, CreateIndex):
            spec = recommendation.change.spec
            for index in replaced_by(spec, workload.snapshot):
                drops.setdefault(index, spec)
    return [
        Recommendation(
            DropIndex(index.name, index.relation, index.definition),
            f"The new index {spec} begins with all that {index.name} holds.",
            size_bytes=-sum(i.size_bytes for i in workload.snapshot.index_leaves(index)),
            verified="its keys and included columns are all in the new index",
        )
        for index, spec in sorted(drops.items(), key=lambda d: d[0].name)
    ]


def unverified(workload: Workload, gathered: Gathered) -> Advice:
    """What the statements ask for when nothing can price it: one index each, the widest plain."""
    wanted: dict[IndexSpec, list[str]] = {}
    for key, specs in gathered.specs.items():
        plain = [s for s in specs if not s.included and not s.predicate]
        if plain:
            wanted.setdefault(max(plain, key=lambda s: len(s.keys)), []).append(key)
    kept = [s for s in wanted if not any(s != other and is_prefix(s, other) for other in wanted)]
    made = [
        Recommendation(
            creation_of(spec, workload.snapshot, names(replaced_by(spec, workload.snapshot))),
            "Its columns are those that the statements compare and sort by.",
            statements=tuple(k for s in wanted if is_prefix(s, spec) for k in wanted[s]),
        )
        for spec in sorted(kept, key=str)
    ]
    everything = {s for specs in gathered.specs.values() for s in specs}
    declined: tuple[Declined, ...] = tuple(gathered.declined)
    return Advice(tuple(made), declined, candidates_made=len(everything))
