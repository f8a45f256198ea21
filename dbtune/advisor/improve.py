"""Exchange: put one index in the place of another wherever that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbtune.advisor.search import Search

Names = frozenset[str]

_MIN_GAIN = 0.0002
_MUCH_SMALLER = 0.5
_NEARLY = 1.1
_NEGLIGIBLE = 0.01
_ONE_VISIT = 5.0
"""Planner cost of fetching one page more at random, and its row."""
_MAX_MOVES = 20_000


def improve(
    search: Search, chosen: Names, objective: float, is_spent: Callable[[], bool]
) -> Iterator[tuple[Names, float]]:
    """Ever better sets, each one index added, taken away or exchanged from the one before.

    Moves are tried in the order of what they could gain at best, by plans already known; most
    are refuted by the first statement that is priced.
    """
    least_gain = _MIN_GAIN * objective
    found = True
    while found and not is_spent():
        found = False
        for hope, out, new in _moves(search, chosen):
            if hope < least_gain or is_spent():
                break
            moved = (chosen - {out} if out else chosen) | ({new} if new else frozenset())
            is_stale = (out and out not in chosen) or new in chosen
            if is_stale or not search.is_allowed(moved):
                continue
            if _hope(search, chosen, moved) < least_gain:
                continue
            better = _price(search, chosen, moved, least_gain)
            if better is not None:
                chosen, objective, found = moved, objective - better, True
                yield chosen, objective


def settle(search: Search, chosen: Names) -> Names:
    """Take a smaller or simpler index wherever every statement does about as well with it."""
    for name in sorted(chosen, key=lambda n: (-search.prices.size(n), n)):
        for smaller in _simpler(search, name, chosen):
            moved = chosen - {name} | {smaller}
            # A few visits to the table are a fair price for a narrower index; a lost key is not.
            share = _NEGLIGIBLE if _same_keys(search, name, smaller) else 0.0
            if _is_as_good(search, chosen, moved, share):
                chosen = moved
                break
    return chosen


def _is_as_good(search: Search, chosen: Names, moved: Names, share: float) -> bool:
    """True if no statement gets noticeably dearer by the move.

    `share` is the part of what it cost without any index that a statement may cost more.
    """
    for target in search.concerned(chosen ^ moved):
        relevant = search.relevant[target.key]
        now = search.weighted(target, search.prices.price(target, chosen & relevant))
        visit = _ONE_VISIT * target.value / target.cost_before
        limit = max(_NEARLY * now, now + share * target.value, now + visit)
        if search.least(target, moved) > limit:
            return False
        if search.weighted(target, search.prices.price(target, moved & relevant)) > limit:
            return False
    return True


def _simpler(search: Search, name: str, chosen: Names) -> list[str]:
    """Candidates on the same relation of half the size, or with fewer columns; smallest first."""
    size, width = search.prices.size(name), _width(search, name)
    found = [
        other
        for other in search.fixed
        if other not in chosen
        and search.relations[other] == search.relations[name]
        and (
            search.prices.size(other) <= _MUCH_SMALLER * size
            or (search.prices.size(other) <= size and _width(search, other) < width)
        )
    ]
    return sorted(found, key=lambda n: (search.prices.size(n), n))


def _same_keys(search: Search, name: str, other: str) -> bool:
    one, two = search.prices.hypothetical(name).spec, search.prices.hypothetical(other).spec
    return one.access_method == two.access_method and one.keys == two.keys


def _width(search: Search, name: str) -> int:
    return len(search.prices.hypothetical(name).spec.columns)


def _moves(search: Search, chosen: Names) -> list[tuple[float, str, str]]:
    """Moves within the limits, with the most that each could save, best first.

    A move takes the second out and puts the third in; either may be empty.
    """
    moves = []
    for out, new in _pairs(search, chosen):
        moved = (chosen - {out} if out else chosen) | ({new} if new else frozenset())
        if search.is_allowed(moved) and (hope := _hope(search, chosen, moved)) > 0:
            moves.append((hope, out, new))
    return sorted(moves, key=lambda m: (-m[0], m[1:]))


def _pairs(search: Search, chosen: Names) -> Iterator[tuple[str, str]]:
    """What may go for what may come: across relations only where space is short."""
    pool = sorted(search.fixed.keys() - chosen)
    options = search.options
    is_limited = options.budget_bytes is not None or options.max_indexes is not None
    everywhere = is_limited and len(pool) * len(chosen) <= _MAX_MOVES
    by_relation: dict[object, list[str]] = {}
    for name in pool:
        by_relation.setdefault(search.relations[name], []).append(name)
    for new in pool:
        yield "", new
    for out in sorted(chosen):
        yield out, ""
        for new in pool if everywhere else by_relation.get(search.relations[out], ()):
            yield out, new


def _hope(search: Search, chosen: Names, moved: Names) -> float:
    """What a move saves if every statement whose price is not known gets its best."""
    saved = _keep(search, chosen, moved)
    for target in search.concerned(chosen ^ moved):
        saved += search.least(target, chosen) - search.least(target, moved)
    return saved


def _keep(search: Search, chosen: Names, moved: Names) -> float:
    """What a move saves in the keep of indexes."""
    gone = sum(search.fixed[n] for n in chosen - moved)
    return gone - sum(search.fixed[n] for n in moved - chosen)


def _price(search: Search, chosen: Names, moved: Names, least_gain: float) -> float | None:
    """What a move saves, or None as soon as it cannot save enough."""
    concerned = search.concerned(chosen ^ moved)
    saved = _hope(search, chosen, moved)
    for target in sorted(concerned, key=lambda t: (-t.value, t.key)):
        if saved < least_gain:
            return None
        hoped = search.least(target, moved)
        priced = search.prices.price(target, moved & search.relevant[target.key])
        saved += hoped - search.weighted(target, priced)
    return saved if saved >= least_gain else None
