"""The twin's files: sizes of relations, heights of B-trees, metapages of the other methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot
from dbtune.twin import pages
from dbtune.twin.derive import Deriver
from dbtune.twin.estimate import column_figures, expression_figures
from dbtune.twin.files import BLOCK_BYTES, set_blocks
from dbtune.twin.model import Session
from dbtune.twin.size import IndexSize, btree_height, gin_size, tuple_bytes

_PATHS = """
SELECT n.nspname, c.relname, pg_relation_filepath(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'i') AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
"""

_OIDS = """
SELECT to_regclass(name)::oid, pg_relation_filepath(to_regclass(name))
FROM unnest(%s::text[]) WITH ORDINALITY AS t (name, place) ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """The data folder of the twin, and a superuser's session on it."""

    superuser: Session
    data_dir: Path

    def restore(self, snapshot: Snapshot) -> None:
        """Give every relation and index of the snapshot its size and first pages."""
        rows = self.superuser.execute(_PATHS).fetchall()
        paths = {QualifiedName(s, n): self.data_dir / p for s, n, p in rows}
        self.superuser.execute("SELECT pg_buffercache_evict_all()")
        for relation in snapshot.relations:
            if relation.kind in "rm" and relation.name in paths:
                set_blocks(paths[relation.name], relation.size_bytes // BLOCK_BYTES)
        for index in snapshot.indexes:
            if index.name in paths and index.size_bytes:
                heap = snapshot.relation_by_name.get(index.relation)
                self.fill(
                    paths[index.name],
                    index.access_method,
                    _size_of(index, snapshot),
                    heap.size_bytes // BLOCK_BYTES if heap else 0,
                )

    def refine_gin(self, snapshot: Snapshot, deriver: Deriver) -> None:
        """Give GIN indexes the entries that their columns' statistics tell of.

        Pages are the target's; how many of them hold entries is not in its catalog.
        """
        found = [i for i in snapshot.indexes if i.access_method == "gin" and i.size_bytes]
        names = [i.name.sql for i in found]
        rows = self.superuser.execute(_OIDS, (names,)).fetchall() if names else []
        for index, (oid, path) in zip(found, rows, strict=True):
            relation = snapshot.relation_by_name.get(index.relation)
            groups = deriver.gin_groups(oid, relation, index.reltuples) if relation and oid else ()
            if not groups:
                continue
            built = gin_size(groups, relation.size_bytes // BLOCK_BYTES if relation else 0)
            blocks = index.size_bytes // BLOCK_BYTES
            entry_pages = max(blocks * built.entry_pages // built.pages, 1)
            size = IndexSize(blocks, 0, entry_pages, built.entries)
            self.evict([oid])
            self.fill(self.data_dir / path, "gin", size, 0)

    def evict(self, oids: Iterable[int]) -> None:
        """Write out and forget the buffers of relations, so that their files may be written."""
        self.superuser.execute(
            "SELECT pg_buffercache_evict_relation(oid) FROM unnest(%s::oid[]) AS oid", (list(oids),)
        )

    def fill(self, path: Path, access_method: str, size: IndexSize, heap_blocks: int) -> None:
        """Make an empty index look as large as `size` says, and as its access method would."""
        set_blocks(path, max(size.pages, 1))
        if access_method == "btree" and size.pages > size.height + 1:
            pages.write_btree(path, size.height)
        elif access_method == "brin":
            pages.write_brin(path, heap_blocks=heap_blocks)
        elif access_method == "gin" and size.pages > 2:
            pages.write_gin(
                path, pages=size.pages, entry_pages=size.entry_pages, entries=size.entries
            )


def _size_of(index: Index, snapshot: Snapshot) -> IndexSize:
    """The size of an index that exists; what the snapshot lacks is estimated.

    A GIN index gets the planner's own guess for one that was never vacuumed: entries are nine
    pages of ten, and as many as rows.
    """
    blocks = index.size_bytes // BLOCK_BYTES
    height = index.tree_height
    if height is None and index.access_method == "btree":
        height = estimated_height(index, snapshot)
    return IndexSize(blocks, height or 0, blocks * 9 // 10, int(max(index.reltuples, 1)))


def estimated_height(index: Index, snapshot: Snapshot) -> int:
    """Root level of a B-tree of the target, from its size and the width of its keys."""
    relation = snapshot.relation_by_name.get(index.relation)
    figures = []
    for key in index.keys:
        column = relation.column(key.column) if relation and key.column else None
        figures.append(column_figures(column) if column else expression_figures(key.statistics))
    return btree_height(index.size_bytes // BLOCK_BYTES, tuple_bytes([f.width for f in figures]))
