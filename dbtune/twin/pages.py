"""First pages of empty indexes, written so that the planner reads the figures of full ones.

The planner opens an index's metapage for the height of a B-tree (nbtree.h), the entry and page
counts of a GIN index (ginblock.h) and the length of a BRIN index's revmap (brin_page.h).
Everything else it takes from the file's size. Layouts are of PostgreSQL 13 to 18.
"""

from __future__ import annotations

import struct
from pathlib import Path

from dbtune.snapshot.catalog import GinPages
from dbtune.twin.files import BLOCK_BYTES
from dbtune.twin.size import brin_revmap_items

_PAGE_HEADER_BYTES = 24
_SPECIAL_BYTES = 16
_NO_BLOCK = 0
_BTP_LEAF, _BTP_ROOT = 1, 2
_INDEX_ALT_TID_MASK = 0x2000
_PIVOT_BYTES = 8
_BTREE_MAX_LEVEL = 40


def write_btree(first: Path, height: int) -> None:
    """Make an empty B-tree `height` levels high (0: the root is a leaf).

    Below the metapage stands one page per level: a chain of single downlinks that ends in an
    empty leaf. A probe of the tree's ends, which the planner makes for fresh extremes, finds no
    row and falls back to the histogram.

    Raises:
        ValueError: the first segment is no B-tree that the server initialised.
    """
    height = min(height, _BTREE_MAX_LEVEL)
    with first.open("r+b") as file:
        meta = bytearray(file.read(BLOCK_BYTES))
        if len(meta) < BLOCK_BYTES or meta[24:28] != struct.pack("=I", 0x053162):
            raise ValueError(f"no B-tree metapage in {first}")
        # btm_root, btm_level, btm_fastroot, btm_fastlevel follow magic and version
        struct.pack_into("=IIII", meta, 32, 1, height, 1, height)
        file.seek(0)
        file.write(meta)
        for level in range(height, -1, -1):
            file.write(_btree_page(level, is_root=level == height, block=height - level + 1))


def _btree_page(level: int, *, is_root: bool, block: int) -> bytes:
    page = bytearray(BLOCK_BYTES)
    special = BLOCK_BYTES - _SPECIAL_BYTES
    lower, upper = _PAGE_HEADER_BYTES, special
    if level > 0:
        upper -= _PIVOT_BYTES
        lower += 4
        # IndexTuple: t_tid = (block hi, block lo, offset = number of key attributes), t_info
        child = block + 1
        struct.pack_into(
            "=HHHH", page, upper, child >> 16, child & 0xFFFF, 0, _INDEX_ALT_TID_MASK | _PIVOT_BYTES
        )
        line_pointer = upper | (1 << 15) | (_PIVOT_BYTES << 17)  # LP_NORMAL
        struct.pack_into("=I", page, _PAGE_HEADER_BYTES, line_pointer)
    # pd_lsn, pd_checksum, pd_flags, pd_lower, pd_upper, pd_special, size | version, prune_xid
    struct.pack_into("=QHHHHHHI", page, 0, 0, 0, 0, lower, upper, special, BLOCK_BYTES | 4, 0)
    flags = (_BTP_LEAF if level == 0 else 0) | (_BTP_ROOT if is_root else 0)
    # btpo_prev, btpo_next, btpo_level, btpo_flags, btpo_cycleid
    struct.pack_into("=IIIHH", page, special, _NO_BLOCK, _NO_BLOCK, level, flags, 0)
    return bytes(page)


def write_gin(first: Path, gin: GinPages) -> None:
    """Write page and entry counts into the metapage of an empty GIN index."""
    with first.open("r+b") as file:
        # GinMetaPageData: head, tail, room in tail, nPendingPages, nPendingHeapTuples; then
        # nTotalPages, nEntryPages, nDataPages, (padding), nEntries
        file.seek(_PAGE_HEADER_BYTES + 12)
        file.write(struct.pack("=I", gin.pending))
        file.seek(_PAGE_HEADER_BYTES + 24)
        file.write(struct.pack("=IIIxxxxq", gin.total, gin.entry, gin.data, gin.entries))


def write_brin(first: Path, *, heap_blocks: int) -> None:
    """Write the block of the last revmap page into the metapage of an empty BRIN index."""
    with first.open("r+b") as file:
        # BrinMetaPageData: magic, version, pages per range, last revmap page
        file.seek(_PAGE_HEADER_BYTES + 8)
        (pages_per_range,) = struct.unpack("=I", file.read(4))
        ranges = -(-heap_blocks // max(pages_per_range, 1))
        file.write(struct.pack("=I", max(-(-ranges // brin_revmap_items()), 1)))


def deduplicates(first: Path) -> bool:
    """Whether the operator classes of a B-tree let equal keys merge (btm_allequalimage)."""
    with first.open("rb") as file:
        file.seek(_PAGE_HEADER_BYTES + 40)
        return file.read(1) == b"\x01"
