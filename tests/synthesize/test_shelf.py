"""Numbers of more rows than memory should hold: the same as in memory."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from dbtune.synthesize.ragged import Ints
from dbtune.synthesize.shelf import CHUNK, Shelf, Sorted, gathered, in_order, spans

SIZE = 2 * CHUNK + 777


def shelf_of(numbers: Ints) -> Shelf:
    """The numbers, each with its place."""
    places = np.arange(len(numbers))
    parts = ((numbers[a:b], places[a:b]) for a, b in spans(len(numbers)))
    return gathered(2, len(numbers), parts)


def columns(shelf: Shelf) -> list[list[int]]:
    return [shelf.span(c, 0, shelf.size).tolist() for c in range(shelf.columns)]


@pytest.mark.parametrize(
    "numbers",
    [
        np.random.default_rng(1).integers(-(2**62), 2**62, SIZE),
        np.random.default_rng(2).integers(0, 3, SIZE),
        np.where(np.arange(SIZE) % 10 > 0, 2**63 - 1, np.arange(SIZE)),
        np.arange(SIZE)[::-1].copy(),
        np.array([3, 1, 2, 1]),
        np.empty(0, np.int64),
    ],
    ids=["any", "few", "mostly the largest", "backward", "in memory", "none"],
)
def test_rows_are_sorted_and_found_as_in_memory(numbers: Ints) -> None:
    order = np.argsort(numbers, kind="stable")
    ordered = Sorted.of(shelf_of(numbers))
    assert columns(ordered.shelf) == [numbers[order].tolist(), order.tolist()]
    some = np.append(numbers[::501], [-(2**63), 0, 1, 2**63 - 1])
    begin, end = ordered.find(some)
    assert begin.tolist() == np.searchsorted(numbers[order], some, "left").tolist()
    assert end.tolist() == np.searchsorted(numbers[order], some, "right").tolist()
    places = np.random.default_rng(3).permutation(len(numbers))[:5000]
    assert ordered.shelf.read(1, places).tolist() == order[places].tolist()


def test_a_cut_shelf_has_only_its_first_rows() -> None:
    cut = in_order(shelf_of(np.arange(SIZE)[::-1].copy()).cut(1000))
    assert columns(cut)[0] == list(range(SIZE - 1000, SIZE))


def test_a_full_disk_is_told() -> None:
    shelf = Shelf.empty(1, SIZE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, before[1]))
    try:
        with pytest.raises(Exception, match="do not fit into") as told:
            shelf.write(CHUNK, np.arange(10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert type(told.value).__name__ == "BadInput"
