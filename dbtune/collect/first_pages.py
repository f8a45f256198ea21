"""What a B-tree's or a GIN index's first page tells the planner, read from its bytes. Pure.

Bytes begin behind the page's header. They are in the server's byte order, which the magic number
of a B-tree shows; a GIN index has none, and is taken for little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from dbtune.collect.session import Row
from dbtune.snapshot.catalog import GinPages

_BTREE_MAGIC = 0x053162
_GIN_VERSIONS = (1, 2)


def tree_heights(rows: Iterable[Row]) -> Mapping[int, int]:
    """The root level of each B-tree by the index's OID."""
    found = ((r["oid"], _tree_height(r["bytes"])) for r in rows if r["access_method"] == "btree")
    return {oid: height for oid, height in found if height is not None}


def gin_pages(rows: Iterable[Row]) -> Mapping[int, GinPages]:
    """The page counts of each GIN index by its OID."""
    found = ((r["oid"], _gin_pages(r["bytes"])) for r in rows if r["access_method"] == "gin")
    return {oid: pages for oid, pages in found if pages is not None}


def _tree_height(page: bytes | None) -> int | None:
    """BTMetaPageData (nbtree.h): magic, version, root, level, fast root, fast root's level."""
    for order in "<>":
        if page and len(page) >= 24:
            magic, *_, height = struct.unpack_from(f"{order}6I", page)
            if magic == _BTREE_MAGIC:
                return int(height)
    return None


def _gin_pages(page: bytes | None) -> GinPages | None:
    """GinMetaPageData (ginblock.h); its version stands last."""
    if not page or len(page) < 52:
        return None
    pending, _, total, entry, data, entries, version = struct.unpack_from("<12xIqIII4xqi", page)
    return GinPages(pending, total, entry, data, entries) if version in _GIN_VERSIONS else None
