"""Loops over a pool's connections, told by the time at which their statements ran."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from dbtune.access.crowd import spread_loops
from dbtune.access.events import roles_of
from dbtune.access.link import Links
from dbtune.access.loop import Limits, Shapes
from dbtune.statement.outline import outline
from dbtune.traffic import Unit

_LIMITS = Limits(
    least_runs=5, least_runs_alone=10, batch_wait_ms=0.0, polling_wait_ms=100.0, least_followed=0.3
)
_TEXTS = (
    "SELECT id, crew_id FROM flight WHERE day = $1",
    "SELECT name FROM crew WHERE id = $1",
    "SELECT id FROM gate WHERE terminal = $1",
    "SELECT name FROM pilot WHERE id = $1",
)
FLIGHTS, CREW, GATES, PILOT = range(4)
Asked = list[tuple[float, int]]


def _told(
    asked: Asked, *, values: Callable[[int], str] = str, written: frozenset[str] = frozenset()
) -> set[tuple[int, int | None]]:
    """Children and parents that are told of statements on the connections of a pool, by turns."""
    units = []
    for connection in range(4):
        mine = [
            (at, n, shape) for n, (at, shape) in enumerate(sorted(asked)) if n % 4 == connection
        ]
        units.append(
            Unit(
                origin="session", attribution="", application="", session_count=1,
                begin_ms=mine[0][0], shapes=tuple(shape for _, _, shape in mine),
                transactions=(-1,) * len(mine),
                starts_ms=tuple(at - mine[0][0] for at, _, _ in mine),
                exec_ms=(0.2,) * len(mine), idle_ms=(0.3,) * len(mine),
                values=tuple(f"$1 = '{values(n)}'" for _, n, _ in mine),
            )
        )  # fmt: skip
    outlines = tuple(map(outline, _TEXTS))
    links = Links((), {})
    shapes = Shapes(outlines, roles_of(outlines, links), links, _LIMITS)
    return {(one.loop.child, one.loop.parent) for one in spread_loops(units, shapes, (), written)}


def _noise(choice: Random, shape: int, times: int) -> Asked:
    return [(choice.uniform(0, 20_000), shape) for _ in range(times)]


def _loops(choice: Random, parent: int, child: int, times: int) -> Asked:
    asked: Asked = []
    for _ in range(times):
        begin = choice.uniform(0, 20_000)
        asked.append((begin, parent))
        asked += [(begin + 1.5 + 0.8 * n, child) for n in range(choice.randint(10, 15))]
    return asked


def test_a_list_that_is_seldom_looped_over_is_still_the_parent() -> None:
    choice = Random(1)
    asked = _loops(choice, FLIGHTS, CREW, 8) + _noise(choice, FLIGHTS, 60)
    assert _told(asked + _noise(choice, GATES, 400)) == {(CREW, FLIGHTS)}


def test_without_a_name_time_alone_must_tell() -> None:
    choice = Random(2)
    asked = _noise(choice, GATES, 60) + _noise(choice, CREW, 100)
    assert _told(asked + _loops(choice, FLIGHTS, PILOT, 12)) == {(PILOT, FLIGHTS)}
    few = asked + _loops(choice, FLIGHTS, PILOT, 3)
    assert _told(few) == {(PILOT, None)}
    assert _told(few, written=frozenset({"pilot"})) == set()  # it asks whether to write
    assert _told(asked + _loops(choice, FLIGHTS, PILOT, 2)) == set()


def test_where_everything_follows_the_list_heaps_tell_of_the_loop() -> None:
    choice = Random(6)
    asked = _loops(choice, FLIGHTS, CREW, 8)
    for begin in range(0, 20_000, 40):
        asked += [(begin, FLIGHTS), (begin + choice.uniform(1, 40), GATES)]
    assert _told(asked) == {(CREW, FLIGHTS)}


def test_requests_in_a_row_are_no_loop() -> None:
    choice = Random(7)
    asked = _noise(choice, GATES, 60)
    for _ in range(12):
        begin = choice.uniform(0, 20_000)
        asked += [(begin + 0.8 * n, PILOT if n % 2 else CREW) for n in range(30)]
    assert _told(asked) == set()


def test_a_lookup_that_is_asked_for_all_the_time_is_no_loop() -> None:
    choice = Random(8)
    assert _told(_noise(choice, PILOT, 3_000) + _noise(choice, GATES, 600)) == set()


def test_the_same_row_for_everybody_is_no_loop_over_rows() -> None:
    choice = Random(3)
    asked = _loops(choice, FLIGHTS, CREW, 8) + _noise(choice, GATES, 400)
    assert _told(asked, values=lambda _: "7") == set()


def test_busy_requests_that_read_one_row_by_anothers_key_are_no_loop() -> None:
    choice = Random(4)
    asked: Asked = []
    for begin in sorted(choice.uniform(0, 4_000) for _ in range(1_500)):
        asked += [(begin, FLIGHTS), (begin + 0.8, CREW), (begin + 1.6, GATES)]
    assert _told(asked) == set()


def test_lookups_by_chance_follow_nothing() -> None:
    choice = Random(5)
    asked = [one for shape in range(4) for one in _noise(choice, shape, 1_000)]
    assert _told(asked) == set()
