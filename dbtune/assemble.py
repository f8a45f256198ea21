"""Build the Workload: join statistics, parsed statements and plans over one Snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dbtune.limits import with_measured_limit
from dbtune.plan import Plan, Unplanned, read_plan
from dbtune.pricing import PricingEngine
from dbtune.progress import Progress
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.statement.fingerprint import fingerprint
from dbtune.statement.model import Statement, Unparsed
from dbtune.statement.parse import parse
from dbtune.traffic import Traffic
from dbtune.workload import NotExamined, Workload, WorkloadStatement


def assemble_workload(
    snapshot: Snapshot,
    engine: PricingEngine | None,
    scope: Scope,
    progress: Progress,
    traffic: Traffic | None = None,
) -> Workload:
    """The workload of a snapshot.

    Args:
        snapshot: where statements, catalog and statistics come from.
        engine: plans each statement; None leaves every statement Unplanned.
        scope: what is examined; the rest is counted in `not_examined`.
        progress: told of each statement.
        traffic: what logs tell; their plans stand in where the engine has none.
    """
    logged = {s.fingerprint: s.plan.plan for s in traffic.shapes if s.plan} if traffic else {}
    merged = _merge(snapshot.statements)
    progress.stage("parse", len(merged))
    read = []
    schemas = _schemas_by_name(snapshot)
    for identity, statistics in merged.items():
        read.append(_read(identity, statistics, snapshot, schemas))
        progress.step()
    inside = [r for r in read if r.statistics.calls >= scope.min_calls and _covers(scope, r.parsed)]
    progress.stage("plan", len(inside))
    plans = []
    for one in inside:
        plans.append(_plan(engine, one, snapshot, logged.get(one.fingerprint)))
        progress.step()
    statements = _weigh(inside, plans)
    return Workload(
        snapshot=snapshot,
        statements=statements,
        not_examined=(*_not_examined(snapshot, statements), *_left_out(read, inside)),
        traffic=traffic,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    fingerprint: str
    statistics: StatementStatistics
    parsed: Statement | Unparsed


def _read(
    identity: str,
    statistics: StatementStatistics,
    snapshot: Snapshot,
    schemas: Mapping[str, Sequence[str]],
) -> _Read:
    """A statement parsed; its search path is longer where the application's own is not known.

    The statement has run, so what its path does not find must lie elsewhere: in the one schema
    that has a relation of this name.
    """
    parsed = parse(statistics.text, snapshot, statistics.search_path)
    if isinstance(parsed, Statement) and parsed.unresolved:
        places = [schemas.get(name, ()) for name in parsed.unresolved]
        if all(len(place) == 1 for place in places):
            path = (*(statistics.search_path or snapshot.search_path), *(p[0] for p in places))
            statistics = replace(statistics, search_path=tuple(dict.fromkeys(path)))
            parsed = parse(statistics.text, snapshot, statistics.search_path)
    return _Read(identity, statistics, parsed)


def _schemas_by_name(snapshot: Snapshot) -> Mapping[str, Sequence[str]]:
    """The schemas that have a relation of a name."""
    schemas: dict[str, list[str]] = {}
    for relation in snapshot.relations:
        schemas.setdefault(relation.name.name, []).append(relation.name.schema)
    return schemas


def _covers(scope: Scope, parsed: Statement | Unparsed) -> bool:
    """True for a statement with a relation in scope; what is not read, is not out of scope."""
    if isinstance(parsed, Unparsed) or not parsed.relations:
        return True
    return any(scope.wants(use.relation) for use in parsed.relations)


def _merge(statements: Iterable[StatementStatistics]) -> dict[str, StatementStatistics]:
    """One entry per fingerprint: several roles and spacings of one statement are one statement."""
    merged: dict[str, StatementStatistics] = {}
    for one in statements:
        key = fingerprint(one.text)
        merged[key] = _add(merged[key], one) if key in merged else one
    return merged


def _add(a: StatementStatistics, b: StatementStatistics) -> StatementStatistics:
    main = a if a.total_exec_ms >= b.total_exec_ms else b
    calls, total = a.calls + b.calls, a.total_exec_ms + b.total_exec_ms
    return replace(
        main,
        calls=calls,
        total_exec_ms=total,
        mean_exec_ms=total / calls if calls else 0.0,
        min_exec_ms=min(a.min_exec_ms, b.min_exec_ms),
        max_exec_ms=max(a.max_exec_ms, b.max_exec_ms),
        **{name: getattr(a, name) + getattr(b, name) for name in _SUMMED},
    )


_SUMMED = (
    "rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written",
    "temp_blks_read", "temp_blks_written", "wal_bytes", "plans", "total_plan_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, or why there is none, and the text that it is of."""

    plan: Plan | Unplanned
    text: str


def _plan(
    engine: PricingEngine | None, one: _Read, snapshot: Snapshot, logged: Plan | None
) -> _Planned:
    """The engine's plan; where it has none, the target's own: asked for, or from its log."""
    planned = _plan_by(engine, one, snapshot)
    if isinstance(planned.plan, Unplanned) and one.statistics.target_plan:
        return replace(planned, plan=read_plan(json.loads(one.statistics.target_plan)))
    if isinstance(planned.plan, Unplanned) and logged:
        return replace(planned, plan=logged)
    return planned


def _plan_by(engine: PricingEngine | None, one: _Read, snapshot: Snapshot) -> _Planned:
    text, path = one.statistics.text, one.statistics.search_path
    if engine is None:
        return _Planned(Unplanned("no pricing engine"), text)
    if isinstance(one.parsed, Statement) and one.parsed.unresolved:
        return _Planned(Unplanned(_why_unresolved(one.parsed.unresolved)), text)
    text = with_measured_limit(
        one.statistics, partial(engine.plan, search_path=path), snapshot.relation_by_name
    )
    return _Planned(engine.plan(text, search_path=path), text)


def _why_unresolved(names: Sequence[str]) -> str:
    if all(name.startswith(("pg_catalog.", "information_schema.")) for name in names):
        return "it reads system catalogs, of which a snapshot holds no statistics"
    return f"not in the catalog: {', '.join(names)}"


def _weigh(read: Sequence[_Read], plans: Sequence[_Planned]) -> tuple[WorkloadStatement, ...]:
    """Order by weight: execution time where anything was timed, else calls × planner cost."""
    timed = any(one.statistics.total_exec_ms > 0 for one in read)

    def weight(one: _Read, plan: Plan | Unplanned) -> float:
        if timed:
            return one.statistics.total_exec_ms
        return one.statistics.calls * (plan.total_cost if isinstance(plan, Plan) else 0.0)

    weights = [weight(one, planned.plan) for one, planned in zip(read, plans, strict=True)]
    total = sum(weights) or 1.0
    statements = [
        WorkloadStatement(
            one.fingerprint, one.statistics, one.parsed, planned.plan, w, w / total, planned.text
        )
        for one, planned, w in zip(read, plans, weights, strict=True)
    ]
    return tuple(sorted(statements, key=lambda s: (-s.weight, s.fingerprint)))


def _not_examined(
    snapshot: Snapshot, statements: tuple[WorkloadStatement, ...]
) -> tuple[NotExamined, ...]:
    """Statements that could not be read or planned, and what collect could not see."""
    entries = [NotExamined(n.what, n.why, n.share, n.remedy) for n in snapshot.not_collected]
    schemas = _schemas_by_name(snapshot)
    for statement in statements:
        if isinstance(statement.parsed, Unparsed):
            entries.append(
                NotExamined(
                    statement.text, f"not parsed: {statement.parsed.reason}", statement.share
                )
            )
        elif isinstance(statement.plan, Unplanned) and not reads_nothing(statement.parsed):
            entries.append(
                NotExamined(
                    statement.text,
                    f"not planned: {statement.plan.reason}",
                    statement.share,
                    _AMBIGUOUS
                    if any(len(schemas.get(n, ())) > 1 for n in statement.parsed.unresolved)
                    else "",
                )
            )
    return tuple(entries)


_AMBIGUOUS = (
    "Several schemas have it: connect with the search_path of the application, as "
    "options=-csearch_path=… in TARGET."
)


def reads_nothing(parsed: Statement) -> bool:
    """True for `SELECT pg_stat_statements_reset()` and its like: no plan of it would tell more."""
    return not parsed.relations and not parsed.unresolved


def _left_out(read: Sequence[_Read], inside: Sequence[_Read]) -> tuple[NotExamined, ...]:
    kept = {one.fingerprint for one in inside}
    left_out = [one for one in read if one.fingerprint not in kept]
    if not left_out:
        return ()
    total = sum(one.statistics.total_exec_ms for one in read) or 1.0
    share = sum(one.statistics.total_exec_ms for one in left_out) / total
    reason = "called less than --min-calls, or outside --schema/--exclude"
    return (NotExamined(f"{len(left_out)} statements", reason, share),)
