"""Loops that the logs show, in the form that several detectors report them."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.access.client import Client, client_among
from dbtune.access.cure import relation_named
from dbtune.access.link import links_of
from dbtune.access.loop import Limits, LoopKind
from dbtune.access.pattern import Pattern, patterns
from dbtune.finding import Confidence, Subject
from dbtune.workload import Workload

_LISTENED_TO = 300
"""Shapes of a log that are asked for their style; there can be thousands."""


def logged_patterns(workload: Workload, kind: LoopKind, limits: Limits) -> Iterator[Pattern]:
    """The patterns of one kind in the workload's traffic; none without logs."""
    if workload.traffic is None:
        return
    search = (limits, kind == "write")
    if search not in workload.patterns:
        links = links_of(workload.snapshot if workload.snapshot.relations else None)
        found = patterns(workload.traffic, links, limits, only_writes=kind == "write")
        workload.patterns[search] = found
    yield from (pattern for pattern in workload.patterns[search] if pattern.kind == kind)


def confidence_of(pattern: Pattern) -> Confidence:
    """Proven when values were seen to differ in one piece of work, or right after their parent."""
    seen = pattern.distinct_share is not None
    if pattern.is_certain:
        return Confidence.PROVEN if seen else Confidence.LIKELY
    if pattern.kind == "write":
        return Confidence.LIKELY
    if not pattern.is_followed:
        return Confidence.CANDIDATE
    by_key = pattern.link is not None and pattern.link.kind == "foreign key"
    return Confidence.PROVEN if seen and by_key and not pattern.is_spread else Confidence.LIKELY


def subject_of(workload: Workload, pattern: Pattern, columns: tuple[str, ...] = ()) -> Subject:
    """The relation that the repeated statement reads or writes."""
    name = pattern.child_outline.relations[0]
    relation = relation_named(workload.snapshot, name)
    return Subject(str(relation) if relation else name, relation, columns if relation else ())


def share_of(workload: Workload, pattern: Pattern) -> float:
    """The part of all execution time that the repeated statement takes."""
    known = workload.by_fingerprint.get(pattern.child.fingerprint)
    if known:
        return known.share
    total = sum(s.total_exec_ms for s in workload.traffic.shapes) if workload.traffic else 0.0
    return pattern.child.total_exec_ms / total if total else 0.0


def key_of(pattern: Pattern) -> str:
    parent = pattern.parent.fingerprint if pattern.parent else ""
    return f"{pattern.child.fingerprint} {parent}".strip()


def statements_of(workload: Workload, pattern: Pattern) -> tuple[str, ...]:
    """Fingerprints of child and parent, as far as the workload has them."""
    named = [pattern.child.fingerprint]
    if pattern.parent:
        named.append(pattern.parent.fingerprint)
    return tuple(name for name in dict.fromkeys(named) if name in workload.by_fingerprint)


def logged_client(workload: Workload, pattern: Pattern) -> Client:
    """The client library that sends the loop: by its statements, or as all of the log is its."""
    texts = [shape.text for shape in (pattern.child, pattern.parent) if shape]
    shapes = workload.traffic.shapes if workload.traffic else ()
    return client_among(texts, (shape.text for shape in shapes[:_LISTENED_TO]))


def came_from(pattern: Pattern) -> str:
    """Route, tags or application name of the units, the commonest first."""
    return ", ".join((*pattern.attributions, *pattern.applications)[:3])


def saved_ms(pattern: Pattern) -> float:
    """Time of the repeated round trips but one per loop, waiting for the client included."""
    total = sum(pattern.runs)
    return round(pattern.wall_ms * (1 - len(pattern.runs) / total), 3) if total else 0.0
