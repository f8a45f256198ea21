"""Whether what is to be made fits on the disk, told before anything is made."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from math import floor
from pathlib import Path

from dbtune.errors import BadInput
from dbtune.snapshot.model import Snapshot
from dbtune.synthesize.unit import Scale, Unit, leaves, row_count, units_of
from dbtune.typeset.figures import bytes_text

_SPARE = 0.9
_LARGEST_AGAIN = 2
"""While the largest index is built, its entries are sorted on disk; then it may be built anew."""
_LOG_BYTES = 100_000_000
"""What the write-ahead log and the server's own catalogs take, however few the rows."""


def require_room(snapshot: Snapshot, units: Sequence[Unit], folder: Path, factor: float) -> None:
    """Refuse what would not fit.

    Raises:
        BadInput: with the arithmetic, and the `--scale` that fits.
    """
    needed = bytes_needed(units, snapshot)
    free = shutil.disk_usage(folder).free
    if needed <= free * _SPARE:
        return
    room = max(free * _SPARE - _LOG_BYTES, 0.0)
    fits = floor(factor * room / (needed - _LOG_BYTES) * 1000) / 1000
    total = sum(u.rows for u in units)
    most = max(units, key=lambda unit: _bytes_of(unit, snapshot))
    raise BadInput(
        f"{total:,} rows would take about {bytes_text(round(needed))} with indexes and log, and "
        f"{folder} has {bytes_text(free)} free (of which a tenth is left alone). The "
        f"largest is {most.name}: {most.rows:,} rows, "
        f"{bytes_text(round(_bytes_of(most, snapshot)))}.",
        f"Run it again with --scale {fits:g}" + (", or free some space." if fits else "."),
    )


def bytes_needed(units: Sequence[Unit], snapshot: Snapshot) -> float:
    """How much all of it takes on a disk while it is made."""
    largest = max((_largest_index(unit, snapshot) for unit in units), default=0.0)
    return sum(_bytes_of(u, snapshot) for u in units) + largest * _LARGEST_AGAIN + _LOG_BYTES


def room_text(snapshot: Snapshot, scale: Scale) -> str:
    """What filling a server that cannot be looked into needs."""
    size = bytes_text(round(bytes_needed(units_of(snapshot, scale), snapshot)))
    return f"About {size} are needed with indexes; what room that server has cannot be seen."


def _bytes_of(unit: Unit, snapshot: Snapshot) -> float:
    """Table, TOAST and indexes as large as the target's, per row."""
    parts = list(leaves(unit.name, snapshot))
    indexes = sum(i.size_bytes for r in parts for i in snapshot.indexes_by_relation.get(r.name, ()))
    size = sum(r.size_bytes + r.toast_bytes for r in parts) + indexes
    return size * _growth(unit, snapshot)


def _largest_index(unit: Unit, snapshot: Snapshot) -> float:
    parts = leaves(unit.name, snapshot)
    sizes = (i.size_bytes for r in parts for i in snapshot.indexes_by_relation.get(r.name, ()))
    return max(sizes, default=0) * _growth(unit, snapshot)


def _growth(unit: Unit, snapshot: Snapshot) -> float:
    """How many rows are made for each of the target's."""
    rows = sum(map(row_count, leaves(unit.name, snapshot)))
    return unit.rows / rows if rows else 0.0
