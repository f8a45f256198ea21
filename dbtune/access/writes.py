"""Loops that write: one row a statement, many in one transaction, or a dense burst over several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbtune.access.events import Event, by_shape, distinct, longest_waits_ms
from dbtune.access.loop import Loop, Shapes, loop_of

_QUICK = ((0.25, 1.0), (0.1, 0.7))
"""Parts of the runs, and what part of the limit they keep to in a round trip."""


def write_loops(events: Sequence[Event], shapes: Shapes, *, certain: bool) -> Iterator[Loop]:
    """The loops of one-row writes of a stretch; `certain` if one transaction or trace holds it."""
    limits = shapes.limits
    least = limits.least_runs if certain else limits.least_runs_alone
    for shape, found in by_shape(events, shapes.roles, "write").items():
        for part in [found] if certain else _bursts(events, found, shapes):
            runs = [events[at] for at in part]
            if len(runs) < least:
                continue
            different = distinct(runs)
            keyed = shapes.outlines[shape].verb != "insert"
            if keyed and different is not None and different * 3 < len(runs) * 2:
                continue
            waits_ms = longest_waits_ms(runs) if _may_be_batch(runs) else ()
            yield loop_of("write", runs, certain=certain, waits_ms=waits_ms)


def _bursts(events: Sequence[Event], found: Sequence[int], shapes: Shapes) -> Iterator[list[int]]:
    """Runs of one write with nothing foreign, no long wait and no claim of work between them."""
    part: list[int] = []
    written: set[str | None] = set()
    for at in found:
        values = events[at].values
        again = values is not None and values in written  # a loop writes each row once
        if part and (again or not _is_same_burst(events[part[-1] + 1 : at + 1], shapes)):
            yield part
            part, written = [], set()
        part.append(at)
        written.add(values)
    yield part


def _is_same_burst(after: Sequence[Event], shapes: Shapes) -> bool:
    relations = set(shapes.outlines[after[-1].shape].relations)
    return all(
        event.idle_ms <= shapes.limits.polling_wait_ms
        and not relations.isdisjoint(shapes.outlines[event.shape].relations)
        and not _is_claim(event, shapes)
        for event in after
    )


def _is_claim(event: Event, shapes: Shapes) -> bool:
    """True for the read that locks whichever row is next: a worker takes its jobs one by one."""
    outline = shapes.outlines[event.shape]
    return outline.locks and not shapes.links.finds_one(outline)


def _may_be_batch(runs: Sequence[Event]) -> bool:
    """True if the client may have sent the runs without waiting for answers.

    Messages of one round trip share a transaction, be it only the implicit one that ends with
    their Sync: runs that commit one by one were sent one by one, however quickly. So were simple
    queries, whose literals the log holds in place of parameters: only the extended protocol
    knows pipelines.
    """
    together = len({run.transaction for run in runs}) == 1 and runs[0].transaction >= 0
    return together and all(run.values is None or run.values.startswith("$") for run in runs)


def is_one_round_trip(loops: Sequence[Loop], batch_wait_ms: float) -> bool:
    """True if a client that was asked between the runs of these loops would be quicker than any.

    A pipeline comes in heaps, between which the server waits for the client to fill the next, or
    on a busy machine for a processor. A client in a loop is asked each time, and seldom quick.
    So the quicker quarter of the runs tells, or a tenth that is quicker than any loop.
    """
    waits = sorted(wait for loop in loops for wait in loop.waits_ms)
    return any(waits[int(len(waits) * part)] < batch_wait_ms * share for part, share in _QUICK)
