"""Families of types: how the values between two known ones are made, and their binary form.

A *key* is what a family computes with: a whole number, or a text. Types of no family have only the
values that statistics show, and those that are invented for them (see pool.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import gcd, isfinite
from struct import unpack

import numpy as np

from dbtune.synthesize.order import hashed
from dbtune.synthesize.ragged import Bytes, Ints, big_endian

Key = int | str

_LARGEST = 2**62
_WHOLE = {
    "smallint": 2, "integer": 4, "bigint": 8, "oid": -4, "money": 8, "date": 4,
    "timestamp without time zone": 8, "timestamp with time zone": 8,
    "time without time zone": 8,
}  # fmt: skip
_FLOATS = {"real": 4, "double precision": 8}
_TEXTS = frozenset({"text", "character varying", "character", "citext"})
_MODIFIER = re.compile(r"\((\d+)(?:,(-?\d+))?\)")
_ADDRESSES = {
    "inet": re.compile(r"\d+(?:\.\d+){3}"),  # hosts; networks have an order of their own
    "macaddr": re.compile(r"[0-9a-f:]+"),
}
_DAY_US = 86_400_000_000
_MONTH_DAYS = 30
_FLOAT_DECIMALS = 6
_NUMERIC_DIGITS = 14
_UNLIMITED = 10**6


@dataclass(frozen=True, slots=True)
class Whole:
    """Types that are whole numbers in steps: also dates, times, decimals of one scale, uuids.

    `decode` makes a key of a value's text and binary form (None: it has no place among the
    others, as NaN), `encode` binary forms of keys. `lossy`: a key does not tell all of a value.
    """

    decode: Callable[[str, bytes], int | None]
    encode: Callable[[Ints], Bytes]
    lowest: int
    highest: int
    lossy: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Strings in the order of their code points, at most `limit` characters long."""

    limit: int
    folded: bool

    def decode(self, text: str, _: bytes) -> str:
        return text.lower() if self.folded else text


Family = Whole | Text


def fraction(low: Key, high: Key, key: Key) -> float:
    """How far from `low` to `high` a value lies."""
    if isinstance(low, int) and isinstance(high, int) and isinstance(key, int):
        return (key - low) / max(high - low, 1)
    start = common_prefix(str(low), str(high))
    a, b, x = (_as_number(str(text)[start : start + 6]) for text in (low, high, key))
    return min(max((x - a) / (b - a), 0.0), 1.0) if b > a else 0.5


def family_of(type_name: str, texts: Sequence[str]) -> Family | None:
    """The family of a type, given its base type's name and the values that are known of it."""
    name = _MODIFIER.sub("", type_name).strip()
    modifier = _MODIFIER.search(type_name)
    name = name.rpartition(".")[2] if name.endswith("citext") else name
    if name in _WHOLE:
        return _whole(_WHOLE[name])
    if name in _FLOATS:
        return _floats(_FLOATS[name], texts)
    if name == "numeric":
        return _numeric(modifier, texts)
    if name in _TEXTS:
        unlimited = 1 if name == "character" else _UNLIMITED
        return Text(int(modifier[1]) if modifier else unlimited, folded=name == "citext")
    return _structured(name, texts)


def _structured(name: str, texts: Sequence[str]) -> Whole | None:
    """Types that are numbers in a form of their own."""
    if name == "uuid":
        return Whole(
            lambda _, b: int.from_bytes(b[:8], "big") >> 1, _uuids, 0, 2**63 - 1, lossy=True
        )
    if name in _ADDRESSES and all(map(_ADDRESSES[name].fullmatch, texts)):
        return _addresses(6 if name == "macaddr" else 4)
    if name == "interval":
        return Whole(_interval_key, _intervals, 0, _LARGEST, lossy=True)
    return None


def step_of(keys: Sequence[int]) -> int:
    """The largest step in which these numbers lie: days of a timestamp, hundreds of a price."""
    return gcd(*(key - keys[0] for key in keys)) or 1


def common_prefix(low: str, high: str) -> int:
    """How many characters two strings share at their beginning."""
    shorter = min(len(low), len(high))
    return next((at for at in range(shorter) if low[at] != high[at]), shorter)


def _as_number(text: str) -> float:
    number = 0.0
    for place, character in enumerate(text):
        number += min(ord(character), 0x3FF) / 1024.0 ** (place + 1)
    return number


def _whole(width: int) -> Whole:
    signed, size = width > 0, abs(width)
    highest = 2 ** (8 * size - (1 if signed else 0)) - 1
    lowest = -highest - 1 if signed else 0
    return Whole(
        lambda _, b: int.from_bytes(b, "big", signed=signed),
        lambda keys: big_endian(keys, 8)[:, 8 - size :].copy(),
        lowest,
        highest,
    )


def _floats(width: int, texts: Sequence[str]) -> Whole:
    decimals = min(_decimals(texts), _FLOAT_DECIMALS)
    scale = 10**decimals

    def decode(text: str, _: bytes) -> int | None:
        value = float(text)
        return round(value * scale) if isfinite(value) and abs(value * scale) < _LARGEST else None

    def encode(keys: Ints) -> Bytes:
        numbers = np.ascontiguousarray((keys / scale).astype(f">f{width}"))
        form: Bytes = numbers.view(np.uint8).reshape(-1, width)
        return form

    return Whole(decode, encode, -_LARGEST, _LARGEST, lossy=True)


def _decimals(texts: Sequence[str]) -> int:
    """The most decimal places that any of the numbers shows."""
    most = 0
    for text in texts:
        try:
            exponent = Decimal(text).normalize().as_tuple().exponent
        except InvalidOperation:
            continue
        most = max(most, -exponent if isinstance(exponent, int) else 0)
    return most


def _whole_digits(texts: Sequence[str]) -> int:
    """The most digits that any of the numbers has before its decimal point."""
    return max((len(t.lstrip("-").partition(".")[0]) for t in texts), default=0)


def _numeric(modifier: re.Match[str] | None, texts: Sequence[str]) -> Whole:
    scale = min(_decimals(texts), max(_NUMERIC_DIGITS - _whole_digits(texts), 0))
    groups_after = -(-scale // 4)
    shift = 10 ** (groups_after * 4 - scale)
    highest = _LARGEST // shift
    if modifier:
        whole_digits = int(modifier[1]) - int(modifier[2] or 0)
        highest = min(highest, 10 ** min(max(whole_digits + scale, 0), 18) - 1)

    def decode(text: str, _: bytes) -> int | None:
        value = Decimal(text)
        number = round(value.scaleb(scale)) if value.is_finite() else highest + 1
        return number if abs(number) <= highest else None

    def encode(keys: Ints) -> Bytes:
        return _numeric_form(keys, scale, groups_after, shift)

    return Whole(decode, encode, -highest, highest)


def _numeric_form(keys: Ints, scale: int, groups_after: int, shift: int) -> Bytes:
    """The binary form of numeric: digits of base 10000; the server drops zeros at the ends."""
    rest = np.abs(keys) * shift
    largest = int(rest.max(initial=0))
    groups = max(groups_after, 1)
    while largest >= 10000**groups:
        groups += 1
    form = np.empty((len(keys), 4 + groups), ">i2")
    form[:, 0] = groups
    form[:, 1] = groups - groups_after - 1
    form[:, 2] = np.where(keys < 0, 0x4000, 0)
    form[:, 3] = scale
    for place in range(groups - 1, -1, -1):
        rest, form[:, 4 + place] = np.divmod(rest, 10000)
    return form.view(np.uint8).reshape(len(keys), -1)


def _uuids(keys: Ints) -> Bytes:
    form = np.empty((len(keys), 16), np.uint8)
    high = (keys.astype(np.uint64) << np.uint64(1)) | (hashed(keys, 1) & np.uint64(1))
    form[:, :8] = high.astype(">u8").view(np.uint8).reshape(-1, 8)
    form[:, 8:] = hashed(keys, 2).astype(">u8").view(np.uint8).reshape(-1, 8)
    return form


def _addresses(width: int) -> Whole:
    """Addresses by their number; an inet has a head: family 2, 32 bits, no network, 4 bytes."""
    head = np.array([2, 32, 0, 4] if width == 4 else [], np.uint8)

    def encode(keys: Ints) -> Bytes:
        return np.hstack([np.tile(head, (len(keys), 1)), big_endian(keys, 8)[:, 8 - width :]])

    return Whole(lambda _, b: int.from_bytes(b[-width:], "big"), encode, 0, 2 ** (8 * width) - 1)


def _interval_key(_: str, binary: bytes) -> int | None:
    """Microseconds, with months of 30 days as the server compares them; None below zero."""
    time, days, months = unpack(">qii", binary)
    key: int = time + (days + months * _MONTH_DAYS) * _DAY_US
    return key if 0 <= key <= _LARGEST else None


def _intervals(keys: Ints) -> Bytes:
    days, times = np.divmod(keys, _DAY_US)
    empty = np.zeros((len(keys), 4), np.uint8)
    return np.hstack([big_endian(times, 8), big_endian(days, 8)[:, 4:], empty])
