"""From the workload to targets and their candidates, with a reason for what falls away."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dbtune.advice import Declined
from dbtune.advisor import declined
from dbtune.advisor.alike import beaten
from dbtune.advisor.candidates import candidates_for
from dbtune.advisor.demand import Demand, demands, rank_columns
from dbtune.advisor.keys import begins_loosely
from dbtune.advisor.options import AdvisorOptions
from dbtune.advisor.served import is_served
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import Relation
from dbtune.statement.model import Statement, Unparsed
from dbtune.workload import Workload, WorkloadStatement

_MIN_PAGES = 16
"""A table of fewer pages than this (128 kB) is read whole about as fast as through an index."""


@dataclass
class Gathered:
    """Candidates of each statement that has any, and the account of the rest.

    `obstacles` tell, for statements with candidates, why a better one is not among them.
    """

    specs: dict[str, tuple[IndexSpec, ...]] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)
    statements: dict[str, WorkloadStatement] = field(default_factory=dict)
    declined: list[Declined] = field(default_factory=list)
    pruned: Counter[str] = field(default_factory=Counter)


def gather(workload: Workload, options: AdvisorOptions) -> Gathered:
    """Candidates from the structure of each statement; no planner is asked."""
    gathered = Gathered()
    ranks = rank_columns(workload)
    for statement in sorted(workload.statements, key=lambda s: s.fingerprint):
        if statement.fingerprint in gathered.statements:
            continue
        gathered.statements[statement.fingerprint] = statement
        if isinstance(statement.parsed, Unparsed):
            reason = f"not read: {statement.parsed.reason}"
            gathered.declined.append(declined.statement(statement, reason))
            continue
        wanted = list(demands(statement.parsed, workload.snapshot, ranks))
        large = [d for d in wanted if pages(d.relation, workload) >= _MIN_PAGES]
        specs = _specs(large, options)
        unserved = [s for s in specs if not is_served(s, workload.snapshot)]
        kept = tuple(s for s in unserved if not declined.hides_constant(s))
        gathered.pruned["served by an existing index"] += len(specs) - len(unserved)
        gathered.declined += declined.hidden_constants(unserved)
        if kept:
            if obstacle := declined.hindrance(large):
                gathered.obstacles[statement.fingerprint] = obstacle
            gathered.specs[statement.fingerprint] = kept
        else:
            reason = declined.without_candidates(statement.parsed, wanted, large, specs)
            gathered.declined.append(declined.statement(statement, reason))
    _leave_out_beaten(gathered, options)
    return gathered


def _leave_out_beaten(gathered: Gathered, options: AdvisorOptions) -> None:
    """Leave out what a candidate of the statement beats, if no other statement may share it.

    Those that begin alike over the same rows may be merged, so they count as shared.
    """
    wanted_by = Counter(
        head for specs in gathered.specs.values() for head in dict.fromkeys(map(_head, specs))
    )
    for key, specs in gathered.specs.items():
        parsed = gathered.statements[key].parsed
        allowed = [spec for spec in specs if not options.excludes(spec)]
        worse = beaten(parsed, allowed) if isinstance(parsed, Statement) else frozenset()
        lost = {spec for spec in worse if wanted_by[_head(spec)] == 1}
        gathered.specs[key] = tuple(spec for spec in specs if spec not in lost)
        gathered.pruned["beaten by a smaller one of the same statement"] += len(lost)


def _head(spec: IndexSpec) -> object:
    return spec.relation, spec.predicate, spec.keys[0]


def pages(relation: Relation, workload: Workload) -> int:
    """Pages of a relation, with those of its partitions."""
    own = max(relation.relpages, relation.size_bytes // 8192)
    if relation.kind != "p":
        return own
    children = (r for r in workload.snapshot.relations if relation.name in r.parents)
    return own + sum(pages(child, workload) for child in children)


def _specs(wanted: list[Demand], options: AdvisorOptions) -> tuple[IndexSpec, ...]:
    return tuple(
        dict.fromkeys(
            spec
            for demand in wanted
            for spec in candidates_for(demand, options)
            if not any(begins_loosely(other, spec) for other in wanted)
        )
    )
