"""How large an index would be once built: pages and B-tree height, from statistics alone. Pure.

Every formula follows what CREATE INDEX does on a table at rest; an index that has lived through
updates is larger. Sources are named at each function, all of PostgreSQL 13 to 18.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BLOCK_BYTES = 8192
_PAGE_HEADER_BYTES = 24
_LINE_POINTER_BYTES = 4
_TID_BYTES = 6
_TUPLE_HEADER_BYTES = 8
_BTREE_SPECIAL_BYTES = 16
_BTREE_NONLEAF_FILLFACTOR = 70
_DEFAULT_FILLFACTOR = {"btree": 90, "hash": 75, "gist": 90, "spgist": 80}


@dataclass(frozen=True, slots=True)
class Group:
    """`groups` distinct keys of `rows` rows each, on average, with tuples of `tuple_bytes`."""

    groups: float
    rows: float
    tuple_bytes: float


@dataclass(frozen=True, slots=True)
class IndexSize:
    """Pages of the whole index, and what else its first page tells the planner.

    `height` is a B-tree's root level; `entry_pages` and `entries` are of a GIN index's entry tree.
    """

    pages: int
    height: int = 0
    entry_pages: int = 0
    entries: int = 0

    @property
    def size_bytes(self) -> int:
        return self.pages * BLOCK_BYTES


def fillfactor(access_method: str, options: Sequence[str]) -> int:
    """The fillfactor that an index's options ask for, or its access method's default."""
    for option in options:
        name, _, value = option.partition("=")
        if name.strip() == "fillfactor" and value.strip(" '").isdigit():
            return int(value.strip(" '"))
    return _DEFAULT_FILLFACTOR.get(access_method, 100)


def _aligned(offset: float, to: int) -> float:
    return math.ceil(offset / to) * to


def btree_size(
    rows: float,
    tuple_size: float,
    *,
    groups: Sequence[Group] = (),
    fillfactor_percent: int = 90,
    pivot_size: float | None = None,
) -> IndexSize:
    """Pages and height of a freshly built B-tree (nbtsort.c, nbtdedup.c).

    Args:
        rows: indexed rows.
        tuple_size: bytes of one leaf tuple, see tuple_bytes().
        groups: how rows share keys, if equal keys are deduplicated; empty: they are not.
        fillfactor_percent: of leaf pages.
        pivot_size: bytes of a tuple on inner pages; included columns are cut off there.
    """
    usable = _usable(fillfactor_percent)
    used = (
        sum(map(_deduplicated_bytes, groups))
        if groups
        else rows * (tuple_size + _LINE_POINTER_BYTES)
    )
    if rows < 1:
        return IndexSize(1)
    leaves = max(math.ceil(used / usable), 1)
    inner, height = _inner_pages(leaves, pivot_size or tuple_size)
    return IndexSize(1 + leaves + inner, height)


def btree_fanout(pivot_size: float, fillfactor_percent: int = _BTREE_NONLEAF_FILLFACTOR) -> int:
    """Pages that one inner page of a B-tree points to."""
    room = _usable(fillfactor_percent)
    return max(int(room // (pivot_size + _LINE_POINTER_BYTES)), 2)


def _usable(fillfactor_percent: int) -> float:
    room = BLOCK_BYTES - _PAGE_HEADER_BYTES - _BTREE_SPECIAL_BYTES
    return room - BLOCK_BYTES * (100 - fillfactor_percent) // 100


def _inner_pages(leaves: int, pivot_size: float) -> tuple[int, int]:
    """Pages above the leaves, and the root's level."""
    fanout = btree_fanout(pivot_size)
    inner, height, level = 0, 0, leaves
    while level > 1:
        level = math.ceil(level / fanout)
        inner += level
        height += 1
    return inner, height


def _deduplicated_bytes(group: Group) -> float:
    """Bytes of a group's rows as posting lists of at most a tenth of a page (nbtsort.c)."""
    tuple_size = group.tuple_bytes
    if group.rows <= 1.0001:
        return group.groups * (tuple_size + _LINE_POINTER_BYTES)
    return group.groups * sum(
        share * _posting_bytes(count, tuple_size) for count, share in _spread(group.rows)
    )


def _posting_bytes(count: float, tuple_size: float) -> float:
    if count <= 1:
        return tuple_size + _LINE_POINTER_BYTES
    largest = BLOCK_BYTES // 10 // 8 * 8 - _LINE_POINTER_BYTES
    per_posting = max((largest - tuple_size) // _TID_BYTES, 1)
    full, rest = divmod(count, per_posting)
    used = full * (_aligned(tuple_size + per_posting * _TID_BYTES, 8) + _LINE_POINTER_BYTES)
    if rest >= 2:
        used += _aligned(tuple_size + rest * _TID_BYTES, 8) + _LINE_POINTER_BYTES
    elif rest > 0:
        used += tuple_size + _LINE_POINTER_BYTES
    return used


def _spread(mean: float) -> Iterator[tuple[float, float]]:
    """Group sizes and their shares: rows fall on keys at random, and every key has one.

    A Poisson law without zero that has this mean; large groups vary too little to matter.
    """
    if mean > 40:
        yield mean, 1.0
        return
    rate = _rate_of_truncated_poisson(mean)
    share = rate / math.expm1(rate)
    count = 1
    while count < 120 and (share > 1e-6 or count < mean):
        yield count, share
        count += 1
        share *= rate / count


def _rate_of_truncated_poisson(mean: float) -> float:
    low, high = 1e-9, mean
    for _ in range(60):
        rate = (low + high) / 2
        if rate / -math.expm1(-rate) < mean:
            low = rate
        else:
            high = rate
    return (low + high) / 2


def hash_size(
    table_rows: float, groups: Sequence[Group], *, fillfactor_percent: int = 75
) -> IndexSize:
    """Pages of a freshly built hash index (hashbuild(), _hash_init(), hashutil.c).

    Buckets are made for all rows of the table, even if the index is partial or most rows are
    null. Where their number is no power of two, some take twice the rows of others. A key with
    many rows fills overflow pages of its own.
    """
    entry = 16 + _LINE_POINTER_BYTES
    per_bucket = max(BLOCK_BYTES * fillfactor_percent // 100 // entry, 10)
    buckets = _hash_buckets(table_rows / per_bucket)
    capacity = (BLOCK_BYTES - _PAGE_HEADER_BYTES - 16) // entry
    heavy = [g for g in groups if g.rows > capacity / 4 and g.groups < buckets]
    light_rows = sum(g.groups * g.rows for g in groups if g not in heavy)
    whole = 1 << math.ceil(math.log2(buckets))
    single = light_rows / whole
    doubled = whole - buckets
    overflow = doubled * _expected_overflow(2 * single, capacity)
    overflow += (buckets - doubled) * _expected_overflow(single, capacity)
    overflow += sum(g.groups * (g.rows + single / 2) / capacity for g in heavy)
    bitmaps = 1 + int(overflow // 32768)
    return IndexSize(math.ceil(1 + buckets + overflow + bitmaps))


def _hash_buckets(wanted: float) -> int:
    """Buckets double in four equal phases from 512 on; below that at once."""
    if wanted <= 2:
        return 2
    whole = 1 << math.ceil(math.log2(wanted))
    if whole <= 512:
        return whole
    half = whole // 2
    return next(half + half * n // 4 for n in (1, 2, 3, 4) if half + half * n // 4 >= wanted)


def _expected_overflow(mean: float, capacity: int) -> float:
    """Overflow pages of one bucket whose load is Poisson (normal for such means)."""
    if mean <= 0:
        return 0.0
    deviation = math.sqrt(mean)
    return sum(
        0.5 * math.erfc((capacity * n - mean) / (deviation * math.sqrt(2)))
        for n in range(1, int((mean + 6 * deviation) // capacity) + 1)
    )


def brin_size(heap_pages: int, pages_per_range: int, summary_bytes: float) -> IndexSize:
    """Pages of a BRIN index: metapage, revmap, one summary per block range (brin_tuple.c)."""
    ranges = max(math.ceil(heap_pages / pages_per_range), 1)
    revmap = math.ceil(ranges / brin_revmap_items())
    per_page = max((BLOCK_BYTES - _PAGE_HEADER_BYTES - 8) // (summary_bytes + 4), 1)
    return IndexSize(1 + revmap + math.ceil(ranges / per_page))


def brin_revmap_items() -> int:
    """Block ranges that one revmap page points to (REVMAP_PAGE_MAXITEMS)."""
    return (BLOCK_BYTES - _PAGE_HEADER_BYTES - 8) // _TID_BYTES


_GIN_LARGEST_ENTRY_BYTES = 2704  # GinMaxItemSize
_GIN_POSTING_HEADER_BYTES = 8  # GinPostingList: first item pointer and length
_GIN_TREE_FILL = 0.75  # of posting trees, which grow at their right end
_GIN_ENTRY_FILL = 0.52  # of the entry tree, filled in key order and split in halves


def gin_size(groups: Sequence[Group], heap_pages: int) -> IndexSize:
    """Pages of a freshly built GIN index (gininsert.c, ginpostinglist.c).

    A key's item pointers stand compressed in its entry, or in a posting tree of their own where
    they do not fit. `tuple_bytes` of a group is the size of its key.
    """
    entry_pages = data_pages = 0.0
    for group in groups:
        pointers = group.rows * _pointer_bytes(group.rows, heap_pages)
        entry = _TUPLE_HEADER_BYTES + group.tuple_bytes
        if pointers <= _GIN_LARGEST_ENTRY_BYTES - entry:
            entry += pointers + _GIN_POSTING_HEADER_BYTES
        else:
            leaves = math.ceil(pointers / ((BLOCK_BYTES - 48) * _GIN_TREE_FILL))
            data_pages += group.groups * (leaves + (1 if leaves > 1 else 0))
        fill = _GIN_ENTRY_FILL + 0.13 * min(entry / 1000, 1.0)
        room = (BLOCK_BYTES - _PAGE_HEADER_BYTES - 8) * fill
        entry_pages += group.groups * (_aligned(entry, 8) + _LINE_POINTER_BYTES) / room
    whole_entry_pages = max(math.ceil(entry_pages * 1.005), 1)
    return IndexSize(
        1 + whole_entry_pages + math.ceil(data_pages),
        entry_pages=whole_entry_pages,
        entries=max(round(sum(group.groups for group in groups)), 1),
    )


def _pointer_bytes(rows: float, heap_pages: int) -> float:
    """Average bytes of one item pointer: the step from the one before, seven bits a byte.

    A step within a page takes one byte; over a page boundary eleven bits of it are the offset, so
    it takes two up to eight pages, three up to a thousand. Gaps are exponential.
    """
    per_page = rows / max(heap_pages, 1)
    pages_hit = -math.expm1(-per_page) / per_page if per_page > 0 else 1.0
    gap = 1.0 / -math.expm1(-per_page) if per_page > 0 else heap_pages
    far = 2.0 + math.exp(-8 / gap) + math.exp(-1024 / gap) if gap > 1.0001 else 2.0
    return (1.0 - pages_hit) + pages_hit * far


def gist_size(rows: float, tuple_size: float, *, fill: float) -> IndexSize:
    """Pages of a GiST or SP-GiST index whose pages are filled to `fill`."""
    usable = (BLOCK_BYTES - _PAGE_HEADER_BYTES - 16) * fill
    per_page = max(usable / (tuple_size + _LINE_POINTER_BYTES), 2.0)
    pages, level = 0, rows
    while level > 1:
        level = math.ceil(level / per_page)
        pages += int(level)
    return IndexSize(max(pages, 1))
