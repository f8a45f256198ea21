"""A sample of a relation's rows, drawn from the statistics of its columns. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from dbtune.snapshot.catalog import ColumnStatistics


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a sample: `low`, or `fraction` of the way from `low` to `high`."""

    low: str
    high: str | None = None
    fraction: float = 0.0


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """A column of a sample of rows in their physical order.

    `points` are the values that are not null, in any order; `ranks` says of each row the how
    manieth of them it has once they are sorted (from 1), None for null.
    """

    points: tuple[Point, ...]
    ranks: tuple[int | None, ...]


def sample_of(statistics: ColumnStatistics | None, rows: int, seed: str) -> ColumnSample | None:
    """`rows` values in the proportions of the statistics, placed as their correlation says.

    None if the statistics hold no value. What chance decides, `seed` decides.
    """
    if statistics is None:
        return None
    chance = random.Random(seed)
    present = rows - round(statistics.null_frac * rows)
    points = _points(statistics, rows, chance)
    if not points or not present:
        return None
    points = (points * (present // len(points) + 1))[:present]
    places = sorted(chance.sample(range(rows), present))
    ranks: list[int | None] = [None] * rows
    for rank, place in enumerate(_in_order(places, rows, statistics.correlation, chance), start=1):
        ranks[place] = rank
    return ColumnSample(tuple(points), tuple(ranks))


def _points(statistics: ColumnStatistics, rows: int, chance: random.Random) -> list[Point]:
    points: list[Point] = []
    common = zip(
        statistics.most_common_values or (), statistics.most_common_freqs or (), strict=True
    )
    for value, frequency in common:
        points += [Point(value)] * max(round(frequency * rows), 1)
    spans = list(pairwise(statistics.histogram_bounds or ()))
    left = rows - round(statistics.null_frac * rows) - len(points)
    # Drawn at random, not at even steps: how often two values meet tells how many there are.
    for _ in range(left if spans else 0):
        low, high = chance.choice(spans)
        points.append(Point(low, high, chance.random()))
    chance.shuffle(points)
    return points


def _in_order(
    places: Sequence[int], rows: int, correlation: float | None, chance: random.Random
) -> list[int]:
    """Rows by the order of their values: a normal copula with the physical order.

    ANALYZE's correlation is Spearman's; Pearson's of the normal variates is 2 sin(pi / 6 * it).
    Columns that both follow the physical order so follow each other.
    """
    pearson = 2 * math.sin(math.pi / 6 * max(min(correlation or 0.0, 1.0), -1.0))
    spread = math.sqrt(max(1.0 - pearson * pearson, 0.0))
    normal = NormalDist()
    keys = {
        place: pearson * normal.inv_cdf((place + 0.5) / rows) + spread * chance.gauss(0.0, 1.0)
        for place in places
    }
    return sorted(places, key=keys.__getitem__)
