"""Parameter sets from logs: what the application really sent is better than what is drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dbtune.bench.parameters import Ground, ParameterSet, must_be_new
from dbtune.bench.roles import Prepared
from dbtune.traffic import Traffic

MAX_SETS = 6

_VALUE = re.compile(r"\$(\d+) = (?:'((?:[^']|'')*)'|NULL)")

LoggedValues = Mapping[int, str | None]
"""Values by parameter number."""


def logged_values(traffic: Traffic) -> dict[str, tuple[LoggedValues, ...]]:
    """By fingerprint, a few different sets of logged values, spread over the log's time."""
    found: dict[str, dict[str, None]] = {}
    for unit in traffic.units:
        for shape, values in zip(unit.shapes, unit.values, strict=True):
            if values and values.startswith("$1 = "):
                found.setdefault(traffic.shapes[shape].fingerprint, {})[values] = None
    return {
        fingerprint: tuple(map(_read, _spread(list(texts)))) for fingerprint, texts in found.items()
    }


def with_logged(
    prepared: Prepared,
    ground: Ground,
    drawn: Sequence[ParameterSet],
    logged: Sequence[LoggedValues],
) -> tuple[ParameterSet, ...]:
    """Logged sets; what the log does not hold (constants) and may not repeat (keys) stays drawn."""
    if not logged:
        return tuple(drawn)
    sets = []
    for number, values in enumerate(logged):
        base = drawn[number % len(drawn)]
        mixed = tuple(
            base.values[role.number - 1]
            if role.number not in values or must_be_new(role, prepared, ground)
            else values[role.number]
            for role in prepared.roles
        )
        guessed = tuple(n for n in base.guessed if n not in values)
        sets.append(ParameterSet("logged", mixed, guessed))
    return tuple(dict.fromkeys(sets))


def _read(text: str) -> LoggedValues:
    return {
        int(number): value.replace("''", "'") if shown.endswith("'") else None
        for number, value, shown in ((m[1], m[2] or "", m[0]) for m in _VALUE.finditer(text))
    }


def _spread(texts: Sequence[str]) -> list[str]:
    """Some of many, evenly."""
    step = max(1, len(texts) // MAX_SETS)
    return list(texts[::step][:MAX_SETS])
