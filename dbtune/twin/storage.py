"""The twin's files: sizes of relations, heights of B-trees, metapages of the other methods."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import GinPages, Index
from dbtune.snapshot.model import Snapshot
from dbtune.twin import pages
from dbtune.twin.derive import Deriver
from dbtune.twin.files import BLOCK_BYTES, copy_file, set_blocks
from dbtune.twin.height import tree_height
from dbtune.twin.session import Session
from dbtune.twin.size import IndexSize, gin_size
from dbtune.twin.statistics import CURRENT_VERSION

_PATHS = """
SELECT n.nspname, c.relname, pg_relation_filepath(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'i') AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
"""

_INDEXES = """
SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
"""

_RENEW = """
UPDATE pg_class c SET relfilenode = made.file
FROM unnest(%s::oid[], %s::oid[]) AS made (oid, file) WHERE c.oid = made.oid
"""
_FIRST_NUMBER = 3_000_000_000  # of files: servers count up from 16384

_OIDS = """
SELECT to_regclass(name)::oid
FROM unnest(%s::text[]) WITH ORDINALITY AS t (name, place) ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """The data folder of the twin, and a superuser's session on it."""

    superuser: Session
    data_dir: Path
    numbers: Iterator[int]

    def restore(self, snapshot: Snapshot) -> None:
        """Give every relation and index of the snapshot its size and first pages."""
        if self._evicts:
            self.superuser.execute("SELECT pg_buffercache_evict_all()")
        else:
            self._renew([row[0] for row in self.superuser.execute(_INDEXES)])
        rows = self.superuser.execute(_PATHS).fetchall()
        paths = {QualifiedName(s, n): self.data_dir / p for s, n, p in rows}
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
                if index.gin_pages:
                    pages.write_gin(paths[index.name], index.gin_pages)

    def refine_gin(self, snapshot: Snapshot, deriver: Deriver) -> None:
        """Give GIN indexes the entries that their columns' statistics tell of.

        Pages are the target's; how many of them hold entries is not in its catalog, and not every
        snapshot knows it from the index itself.
        """
        gins = (i for i in snapshot.indexes if i.access_method == "gin" and i.size_bytes)
        found = [i for i in gins if not i.gin_pages]
        names = [i.name.sql for i in found]
        rows = self.superuser.execute(_OIDS, (names,)).fetchall() if names else []
        for index, (oid,) in zip(found, rows, strict=True):
            relation = snapshot.relation_by_name.get(index.relation)
            groups = deriver.gin_groups(oid, relation, index.reltuples) if relation and oid else ()
            if not groups:
                continue
            built = gin_size(groups, relation.size_bytes // BLOCK_BYTES if relation else 0)
            blocks = index.size_bytes // BLOCK_BYTES
            entry_pages = max(blocks * built.entry_pages // built.pages, 1)
            size = IndexSize(blocks, 0, entry_pages, built.entries)
            self.forget([oid])
            self.fill(self.path(oid), "gin", size, 0)

    def path(self, oid: int) -> Path:
        """The first segment of a relation's file."""
        ((path,),) = self.superuser.execute("SELECT pg_relation_filepath(%s)", (oid,)).fetchall()
        return self.data_dir / str(path)

    def forget(self, oids: Collection[int]) -> None:
        """Have the server forget the pages of relations, so that their files may be written.

        Before 18 it cannot be told to; but it has never seen the pages of another file.
        """
        if not self._evicts:
            self._renew(oids)
            return
        self.superuser.execute(
            "SELECT pg_buffercache_evict_relation(oid) FROM unnest(%s::oid[]) AS oid", (list(oids),)
        )

    @property
    def _evicts(self) -> bool:
        return self.superuser.info.server_version >= CURRENT_VERSION

    def _renew(self, oids: Collection[int]) -> None:
        """Give relations new files of the same content, under numbers that nobody has."""
        self.superuser.execute("CHECKPOINT")
        made = []
        for oid in oids:
            path = self.path(oid)
            number = next(self.numbers)
            copy_file(path, path.with_name(str(number)))
            made.append(number)
        self.superuser.execute(_RENEW, (list(oids), made))

    def fill(self, path: Path, access_method: str, size: IndexSize, heap_blocks: int) -> None:
        """Make an empty index look as large as `size` says, and as its access method would."""
        set_blocks(path, max(size.pages, 1))
        if access_method == "btree" and size.pages > size.height + 1:
            pages.write_btree(path, size.height)
        elif access_method == "brin":
            pages.write_brin(path, heap_blocks=heap_blocks)
        elif access_method == "gin" and size.pages > 2:
            data = max(size.pages - size.entry_pages - 1, 0)
            gin = GinPages(0, size.pages, size.entry_pages, data, size.entries)
            pages.write_gin(path, gin)


def make_storage(superuser: Session, data_dir: Path) -> Storage:
    """The storage of a twin whose server is ours alone."""
    if superuser.info.server_version >= CURRENT_VERSION:
        superuser.execute("CREATE EXTENSION pg_buffercache SCHEMA pg_catalog")
    return Storage(superuser, data_dir, itertools.count(_FIRST_NUMBER))


def _size_of(index: Index, snapshot: Snapshot) -> IndexSize:
    """The size of an index that exists; what the snapshot lacks is estimated.

    A GIN index gets the planner's own guess for one that was never vacuumed: entries are nine
    pages of ten, and as many as rows.
    """
    blocks = index.size_bytes // BLOCK_BYTES
    height = tree_height(index, snapshot) if index.access_method == "btree" else 0
    return IndexSize(blocks, height, blocks * 9 // 10, int(max(index.reltuples, 1)))
