"""Numbers for people: three significant digits are enough to decide by."""

from __future__ import annotations

_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def count_text(value: float) -> str:
    """1234567 → "1,234,567"; below 100 up to three significant digits: "8.31", "0.042"."""
    if value and abs(value) < 100 and value != int(value):
        return f"{value:.3g}"
    return f"{value:,.0f}"


def bytes_text(size_bytes: float) -> str:
    """A size in PostgreSQL's units (powers of 1024): "23 MB", "1.4 GB", "8,192 bytes"."""
    value, unit = float(size_bytes), 0
    while abs(value) >= 1024 * (10 if unit == 0 else 1) and unit + 1 < len(_BYTE_UNITS):
        value, unit = value / 1024, unit + 1
    digits = 1 if unit > 1 and abs(value) < 10 else 0
    return f"{value:,.{digits}f} {_BYTE_UNITS[unit]}"


def ms_text(value_ms: float) -> str:
    """A duration in the unit that suits it: "0.42 ms", "3.1 s", "12 min", "5.2 h"."""
    if abs(value_ms) < 1000:
        return f"{value_ms:.3g} ms"
    seconds = value_ms / 1000
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if abs(seconds) < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86_400:,.1f} days"


def percent_text(share: float) -> str:
    """A share (0 to 1) as a percentage; what is not zero never reads as zero: "< 0.1 %"."""
    percent = share * 100
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent in {0.0, 100.0} else f"{percent:.1f} %"


def times_text(ratio: float) -> str:
    """A ratio as "12×"; below ten with one decimal."""
    return f"{ratio:,.1f}×" if ratio < 10 else f"{ratio:,.0f}×"


def number_of(count: int, singular: str, plural: str = "") -> str:
    """A count with its noun: "1 finding", "2 findings"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
