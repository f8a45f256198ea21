"""Invented values: valid for their type, in the order of those they stand for."""

from __future__ import annotations

import calendar
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Address
from typing import Any

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"  # ascend in every collation
_TYPE = re.compile(r"(?P<first>[^(]+)(?:\((?P<modifiers>[-\d, ]+)\)(?P<rest> .*)?)?\Z")
_MONTH = re.compile(r"(\d{4})-(\d\d)-.*(?<!BC)\Z")

Inventor = Callable[[Sequence[str], Sequence[int]], list[str] | None]
"""From distinct values in ascending order, and the type's modifiers, to their stand-ins.

None: this type cannot hold so many.
"""


def invent(type_name: str, values: Sequence[str]) -> dict[str, str] | None:
    """Stand-ins for distinct values in ascending order; None if none can be invented.

    Args:
        type_name: as format_type() writes it, for example `character varying(20)`.
        values: text forms of values.
    """
    found = _TYPE.match(type_name)
    if not found:
        return None
    name = found["first"] + (found["rest"] or "")
    modifiers = [int(m) for m in (found["modifiers"] or "").split(",") if m.strip()]
    inventor = _INVENTORS.get(name.rpartition(".")[2])
    invented = inventor(values, modifiers) if inventor else None
    return dict(zip(values, invented, strict=True)) if invented is not None else None


def sort_key(type_name: str) -> Callable[[str], Any]:
    """How values of a type sort, as far as that can be told without its server."""
    return _by_number if _TYPE.sub(r"\g<first>", type_name) in _NUMBERS else _by_text


def _by_text(value: str) -> tuple[int, Decimal, str]:
    return (0, Decimal(0), value)


def _by_number(value: str) -> tuple[int, Decimal, str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return (1, Decimal(0), value)
    return (1, Decimal(0), value) if number.is_nan() else (0, number, "")


def _ranks(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [str(rank) for rank in range(1, len(values) + 1)]


def _small_ranks(values: Sequence[str], _modifiers: Sequence[int]) -> list[str] | None:
    first = min(1, 2**15 - len(values))
    return [str(first + at) for at in range(len(values))] if first >= -(2**15) else None


def _decimals(values: Sequence[str], modifiers: Sequence[int]) -> list[str] | None:
    precision, scale = (*modifiers, 0, 0)[:2] if modifiers else (1000, 0)
    if len(values) >= 10**precision:
        return None
    return [format(Decimal(rank).scaleb(-scale), "f") for rank in range(1, len(values) + 1)]


def _texts(values: Sequence[str], modifiers: Sequence[int]) -> list[str] | None:
    """Codes of one length, filled up to the length of what they stand for."""
    limit = modifiers[0] if modifiers else 10**6
    width = _width(len(values), len(_DIGITS))
    if width > limit:
        return None
    return [_code(at, width).ljust(min(len(value), limit), "x") for at, value in enumerate(values)]


def _letters(values: Sequence[str], _modifiers: Sequence[int]) -> list[str] | None:
    return _texts(values, (1,))


def _bytes(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [f"\\x{at:08x}".ljust(len(value), "0") for at, value in enumerate(values)]


def _bits(values: Sequence[str], modifiers: Sequence[int]) -> list[str] | None:
    width = modifiers[0] if modifiers else _width(len(values), 2)
    return [f"{at:0{width}b}" for at in range(len(values))] if len(values) <= 2**width else None


def _uuids(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [f"00000000-0000-4000-8000-{at:012x}" for at in range(len(values))]


def _addresses(values: Sequence[str], _modifiers: Sequence[int]) -> list[str] | None:
    first = int(IPv4Address("10.0.0.0"))
    return [str(IPv4Address(first + at)) for at in range(len(values))]


def _networks(values: Sequence[str], modifiers: Sequence[int]) -> list[str] | None:
    return [f"{address}/32" for address in _addresses(values, modifiers) or ()]


def _hardware(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [":".join(re.findall("..", f"02{at:010x}")) for at in range(len(values))]


def _long_hardware(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [":".join(re.findall("..", f"02{at:014x}")) for at in range(len(values))]


def _positions(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [f"0/{at:X}" for at in range(len(values))]


def _lengths_of_time(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return [f"{rank} hours" for rank in range(1, len(values) + 1)]


def _hours(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    day = timedelta(days=1)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    moments = [start + day * at / len(values) for at in range(len(values))]
    return [moment.strftime("%H:%M:%S.%f") for moment in moments]


def _zoned_hours(values: Sequence[str], modifiers: Sequence[int]) -> list[str]:
    return [f"{hour}+00" for hour in _hours(values, modifiers)]


def _dates(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return _in_their_month(values, "%Y-%m-%d")


def _timestamps(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return _in_their_month(values, "%Y-%m-%d %H:%M:%S")


def _zoned_timestamps(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return _in_their_month(values, "%Y-%m-%d %H:%M:%S+00")


def _in_their_month(values: Sequence[str], form: str) -> list[str]:
    """Moments spread evenly over the month of those they stand for.

    The month stays, so that partition bounds and `now() - interval …` find what they would.
    Infinities stay; what lies before the first year or after 9999 becomes one.
    """
    by_month: dict[tuple[int, int], list[str]] = defaultdict(list)
    stand_ins: dict[str, str] = {}
    for value in values:
        found = _MONTH.match(value)
        if found:
            by_month[int(found[1]), int(found[2])].append(value)
        else:
            stand_ins[value] = "-infinity" if value[0] == "-" or value[-2:] == "BC" else "infinity"
    for (year, month), members in by_month.items():
        start = datetime(year, month, 1, tzinfo=UTC)
        length = timedelta(days=calendar.monthrange(year, month)[1])
        for at, value in enumerate(members):
            stand_ins[value] = _formatted(start + length * at / len(members), form)
    return [stand_ins[value] for value in values]


def _formatted(moment: datetime, form: str) -> str:
    # strftime leaves out the leading zeros of early years.
    return moment.strftime(form.replace("%Y", f"{moment.year:04}"))


def _same(values: Sequence[str], _modifiers: Sequence[int]) -> list[str]:
    return list(values)


def _width(count: int, base: int) -> int:
    """How many digits tell `count` values apart."""
    width = 1
    while base**width < count:
        width += 1
    return width


def _code(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


_NUMBERS = frozenset(
    {"smallint", "integer", "bigint", "oid", "numeric", "real", "double precision"}
)

_INVENTORS: dict[str, Inventor] = {
    "boolean": _same,
    "enum": _same,
    "smallint": _small_ranks,
    "integer": _ranks,
    "bigint": _ranks,
    "oid": _ranks,
    "real": _ranks,
    "double precision": _ranks,
    "numeric": _decimals,
    "money": _ranks,
    "jsonb": _ranks,
    "text": _texts,
    "character varying": _texts,
    "character": _texts,
    "bpchar": _texts,
    "name": _texts,
    "citext": _texts,
    "ltree": _texts,
    '"char"': _letters,
    "bytea": _bytes,
    "bit": _bits,
    "bit varying": _bits,
    "uuid": _uuids,
    "inet": _addresses,
    "cidr": _networks,
    "macaddr": _hardware,
    "macaddr8": _long_hardware,
    "pg_lsn": _positions,
    "interval": _lengths_of_time,
    "time without time zone": _hours,
    "time with time zone": _zoned_hours,
    "date": _dates,
    "timestamp without time zone": _timestamps,
    "timestamp with time zone": _zoned_timestamps,
}
