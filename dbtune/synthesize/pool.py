"""More values for types that dbtune cannot count in: made of the parts of those that are known."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dbtune.redact.arrays import elements
from dbtune.redact.invent import invent
from dbtune.snapshot.catalog import ColumnStatistics

_ATTEMPTS = 3
_DEFAULT_ELEMENTS = 3
_ELEMENTS = 1000
_ARRAY_HEADER = 24
_WIDTHS = {
    "smallint": 2, "integer": 4, "bigint": 8, "real": 4, "double precision": 8, "uuid": 16,
    "date": 4, "timestamp with time zone": 8, "timestamp without time zone": 8,
}  # fmt: skip


def generate(
    type_name: str, statistics: ColumnStatistics | None, count: int, seed: int
) -> tuple[str, ...]:
    """Up to `count` values of a type, as text, that are not among the known ones."""
    if statistics is None:
        return ()
    maker = _maker(type_name)
    if maker is None:
        return ()
    known = {*(statistics.most_common_values or ()), *(statistics.histogram_bounds or ())}
    made: dict[str, None] = {}
    random = Random(seed)
    draw = maker(statistics, random)
    for _ in range(_ATTEMPTS * count):
        if draw is None or len(made) >= count:
            break
        value = draw()
        if value not in known:
            made[value] = None
    return tuple(made)


def wide_arrays(type_name: str, width: int, count: int) -> tuple[str, ...]:
    """Up to `count` arrays of which only the width is known, of invented elements."""
    base = type_name.removesuffix("[]")
    made = tuple((invent(base, [f"{n:06}" for n in range(max(count, _ELEMENTS))]) or {}).values())
    if not made:
        return ()
    element = _WIDTHS.get(base, len(made[0]) + 4)
    length = max((width - _ARRAY_HEADER) // element, 1)
    return tuple(
        "{"
        + ",".join(f'"{made[(n + place * (n + 1)) % len(made)]}"' for place in range(length))
        + "}"
        for n in range(count)
    )


Draw = Callable[[], str]


def _maker(type_name: str) -> Callable[[ColumnStatistics, Random], Draw | None] | None:
    if type_name.endswith("[]"):
        return _arrays
    plain = re.sub(r"\(.*\)", "", type_name).rpartition(".")[2]
    if plain.endswith("multirange"):
        return None
    if plain.endswith("range"):
        return _ranges
    return {"jsonb": _documents, "json": _documents, "tsvector": _vectors}.get(plain)


def _documents(statistics: ColumnStatistics, random: Random) -> Draw | None:
    """Documents with the shape of a known one and, at each place, a value known there."""
    frequencies = statistics.most_common_freqs or ()
    common = list(zip(statistics.most_common_values or (), frequencies, strict=False))
    texts = [t for t, _ in common] + list(statistics.histogram_bounds or ())
    documents = []
    for text in texts:
        try:
            documents.append(json.loads(text))
        except ValueError:
            continue
    if not documents:
        return None
    seen: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for document in documents:
        _note(document, (), seen)

    def draw() -> str:
        return json.dumps(
            _recombined(random.choice(documents), (), seen, random), ensure_ascii=False
        )

    return draw


def _note(value: Any, path: tuple[str, ...], seen: dict[tuple[str, ...], list[Any]]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _note(inner, (*path, name), seen)
    elif isinstance(value, list):
        for inner in value:
            _note(inner, (*path, "[]"), seen)
    else:
        seen[path].append(value)


def _recombined(
    value: Any, path: tuple[str, ...], seen: dict[tuple[str, ...], list[Any]], random: Random
) -> Any:
    if isinstance(value, dict):
        return {n: _recombined(v, (*path, n), seen, random) for n, v in value.items()}
    if isinstance(value, list):
        return [_recombined(v, (*path, "[]"), seen, random) for v in value]
    return random.choice(seen[path])


def _arrays(statistics: ColumnStatistics, random: Random) -> Draw | None:
    """Arrays whose elements are as common as statistics say, and about as many."""
    # most_common_elem_freqs ends with the least and greatest frequency (and that of null elements).
    named = statistics.most_common_elems or ()
    weights = list((statistics.most_common_elem_freqs or ())[: len(named)])
    pool = list(named)
    if not pool:
        known = [*(statistics.most_common_values or ()), *(statistics.histogram_bounds or ())]
        pool = sorted({e for text in known for e in elements(text)})
        weights = [1.0] * len(pool)
    if not pool:
        return None
    counts = _element_counts(statistics)

    def draw() -> str:
        wanted = min(random.choice(counts), len(pool))
        chosen: dict[str, None] = {}
        for element in random.choices(pool, weights, k=2 * wanted):
            if len(chosen) < wanted:
                chosen[element] = None
        quoted = (e.replace("\\", "\\\\").replace('"', '\\"') for e in chosen)
        return "{" + ",".join(f'"{e}"' for e in quoted) + "}"

    return draw


def _element_counts(statistics: ColumnStatistics) -> Sequence[int]:
    """Likely numbers of elements; the last entry of the histogram is their average."""
    histogram = statistics.elem_count_histogram
    if histogram and len(histogram) > 1:
        return [round(n) for n in histogram[:-1]]
    known = [*(statistics.most_common_values or ()), *(statistics.histogram_bounds or ())]
    return [len(elements(text)) for text in known] or [_DEFAULT_ELEMENTS]


def _vectors(statistics: ColumnStatistics, random: Random) -> Draw | None:
    """Text search vectors in which each lexeme is as common as statistics say."""
    named = statistics.most_common_elems or ()
    weights = (statistics.most_common_elem_freqs or ())[: len(named)]
    if not named:
        return None
    width = statistics.avg_width

    def draw() -> str:
        chosen = [e for e, f in zip(named, weights, strict=False) if random.random() < f]
        size = sum(len(e) + 6 for e in chosen)
        while size < width:
            rare = f"w{random.getrandbits(24):06x}"
            chosen.append(rare)
            size += len(rare) + 6
        quoted = (e.replace("\\", "\\\\").replace("'", "''") for e in dict.fromkeys(chosen))
        return " ".join(f"'{e}':{place}" for place, e in enumerate(quoted, start=1))

    return draw


def _ranges(statistics: ColumnStatistics, random: Random) -> Draw | None:
    """Ranges from the lower bound of a known one to the upper bound of another."""
    known = [
        *(statistics.range_bounds_histogram or ()),
        *(statistics.most_common_values or ()),
        *(statistics.histogram_bounds or ()),
    ]
    parts = [p for text in known if (p := re.fullmatch(r"([\[(].*),(.*[\])])", text))]
    if not parts:
        return None

    def draw() -> str:
        at = random.randrange(len(parts))
        other = min(len(parts) - 1, at + random.randrange(4))
        return f"{parts[at][1]},{parts[other][2]}"

    return draw
