"""One order of values that agrees with every list the server sorted."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any


def common_order(
    sequences: Iterable[Sequence[str]], others: Iterable[str], key: Callable[[str], Any]
) -> list[str]:
    """All values, each once, such that every sequence ascends.

    Only the server knows how its collations and types sort; histograms show it. Where they leave
    the order open, `key` decides. Where they contradict each other, which sorted lists of one type
    and collation cannot unless an index's collation has changed underneath it, `key` decides too.
    This is Kahn's algorithm (1962) with a heap in place of the queue.
    """
    after: dict[str, set[str]] = defaultdict(set)
    before: dict[str, int] = dict.fromkeys(others, 0)
    for sequence in sequences:
        before.update((value, 0) for value in sequence if value not in before)
        for low, high in pairwise(sequence):
            if low != high and high not in after[low]:
                after[low].add(high)
    for highs in after.values():
        for high in highs:
            before[high] += 1
    heap = [(key(value), value) for value, count in before.items() if count == 0]
    heapq.heapify(heap)
    ordered: dict[str, None] = {}
    for least in sorted(before, key=lambda value: (key(value), value)):
        while heap:
            _, value = heapq.heappop(heap)
            if value in ordered:
                continue
            ordered[value] = None
            for high in after.get(value, ()):
                before[high] -= 1
                if before[high] == 0:
                    heapq.heappush(heap, (key(high), high))
        if least not in ordered:  # a contradiction: cut it at the least value left
            heap.append((key(least), least))
    ordered.update((value, None) for _, value in heap)
    return list(ordered)
