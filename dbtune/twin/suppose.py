"""Hypothetical indexes on the twin: created empty, then given the size of built ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.pricing import Hypothetical, Rejected
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin import pages
from dbtune.twin.adopt import newest_index, plain_create_index, read_spec
from dbtune.twin.derive import Deriver
from dbtune.twin.distinct import key_figures
from dbtune.twin.estimate import KeyFigures, expression_figures, index_size
from dbtune.twin.files import BLOCK_BYTES
from dbtune.twin.session import Session
from dbtune.twin.size import IndexSize, gin_size
from dbtune.twin.statistics import restore_expressions
from dbtune.twin.storage import Storage
from dbtune.twin.trial import tried_size

_LEAVES = """
SELECT root, i.indexrelid, c.relname, n.nspname, t.relname,
    pg_relation_filepath(i.indexrelid), c.relkind::text
FROM unnest(%s::oid[]) AS root
CROSS JOIN LATERAL (SELECT root AS oid UNION SELECT relid::oid FROM pg_partition_tree(root)) AS tree
JOIN pg_index i ON i.indexrelid = tree.oid
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
ORDER BY i.indexrelid
"""

# CREATE INDEX would read every page that the sparse files pretend to have. While it runs, the
# tables have the file of an empty one. Before 18 it then also counts the rows of that.
_EMPTY_TABLE = "CREATE TABLE IF NOT EXISTS pg_catalog.dbtune_empty ()"
_FILES = """
SELECT c.oid, c.relfilenode, c.relpages, c.reltuples, c.relallvisible
FROM unnest(%s::text[], %s::text[]) AS wanted (schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class root ON root.relnamespace = n.oid AND root.relname = wanted.name
CROSS JOIN LATERAL (
    SELECT root.oid UNION SELECT relid::oid FROM pg_partition_tree(root.oid)) AS tree
JOIN pg_class c ON c.oid = tree.oid AND c.relkind IN ('r', 'm')
"""
_EMPTY = """
UPDATE pg_class SET relfilenode = pg_relation_filenode('pg_catalog.dbtune_empty')
WHERE oid = ANY(%s)
"""
_FILL = """
UPDATE pg_class c SET relfilenode = kept.file, relpages = kept.pages, reltuples = kept.rows,
    relallvisible = kept.visible
FROM unnest(%s::oid[], %s::oid[], %s::int[], %s::real[], %s::int[])
    AS kept (oid, file, pages, rows, visible) WHERE c.oid = kept.oid
"""
_SIZES = """
UPDATE pg_class c SET relpages = made.pages, reltuples = made.rows
FROM unnest(%s::oid[], %s::int[], %s::real[]) AS made (oid, pages, rows) WHERE c.oid = made.oid
"""


@dataclass(frozen=True, slots=True)
class Supposed:
    """A hypothetical index and the OIDs it has on the twin, those of partitions included."""

    hypothetical: Hypothetical
    oids: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An index with a file: of a plain table, or of one partition."""

    oid: int
    name: QualifiedName
    relation: Relation
    file: Path


@dataclass(slots=True)
class Supposer:
    """Makes hypothetical indexes and remembers them."""

    superuser: Session
    owner: Session
    storage: Storage
    snapshot: Snapshot
    deriver: Deriver
    made: dict[IndexSpec, Supposed | Rejected] = field(default_factory=dict)
    by_name: dict[str, Supposed] = field(default_factory=dict)
    hidden_oids: frozenset[int] = frozenset()
    rows: dict[tuple[QualifiedName, str | None], float] = field(default_factory=dict)

    def oids(self, name: str) -> frozenset[int]:
        """The OIDs behind a hypothetical index's name. Raises KeyError if there is none."""
        return self.by_name[name].oids

    def suppose(self, specs: Sequence[IndexSpec]) -> tuple[Supposed | Rejected, ...]:
        """One answer per spec, in order; a spec known before is not made again."""
        fresh = [spec for spec in dict.fromkeys(specs) if spec not in self.made]
        if fresh:
            self._make(fresh)
        return tuple(self.made[spec] for spec in specs)

    def _make(self, fresh: Sequence[IndexSpec]) -> None:
        names: dict[IndexSpec, str] = {}
        with self._without_rows({spec.relation for spec in fresh}):
            for spec in fresh:
                name = spec.default_name()
                refusal = self._create(spec.ddl(name))
                if refusal:
                    self.made[spec] = Rejected(spec, refusal)
                else:
                    names[spec] = name
        oids = self._oids_of(QualifiedName(s.relation.schema, n).sql for s, n in names.items())
        created = [(spec, name, oid) for (spec, name), oid in zip(names.items(), oids, strict=True)]
        for supposed in self._adopt(created):
            self.made[supposed.hypothetical.spec] = supposed

    def suppose_ddl(self, ddl: str) -> Supposed:
        """The index that a CREATE INDEX statement would make.

        Raises:
            BadInput: it is no CREATE INDEX statement, or the server refuses it.
        """
        sql = plain_create_index(ddl)
        named = {r.name for r in self.snapshot.relations if _may_name(sql, r.name.name)}
        with self._without_rows(named):
            refusal = self._create(sql)
        if refusal:
            raise BadInput(f"The server refuses {ddl.strip()!r}: {refusal}.")
        root, name = newest_index(self.superuser)
        (supposed,) = self._adopt([(read_spec(self.superuser, root), name, root)])
        return supposed

    @contextmanager
    def _without_rows(self, relations: Iterable[QualifiedName]) -> Iterator[None]:
        """While the block runs, the relations look empty to a session that scans them."""
        names = sorted(relations)
        self.superuser.execute(_EMPTY_TABLE)
        schemas = [n.schema for n in names]
        rows = self.superuser.execute(_FILES, (schemas, [n.name for n in names])).fetchall()
        kept = [[row[place] for row in rows] for place in range(5)]
        self.superuser.execute(_EMPTY, (kept[0],))
        self.owner.execute("SET default_transaction_read_only = off")
        try:
            yield
        finally:
            self.owner.execute("SET default_transaction_read_only = on")
            self.superuser.execute(_FILL, kept)

    def _create(self, ddl: str) -> str | None:
        """None if the index was made, else what the server said."""
        try:
            self.owner.execute(ddl.encode())
        except psycopg.Error as error:
            return error.diag.message_primary or str(error)
        return None

    def _oids_of(self, names: Iterable[str]) -> list[int]:
        rows = self.superuser.execute(
            "SELECT name::regclass::oid FROM unnest(%s::text[]) WITH ORDINALITY AS u(name, place)"
            " ORDER BY place",
            (list(names),),
        ).fetchall()
        return [int(oid) for (oid,) in rows]

    def _adopt(self, created: Sequence[tuple[IndexSpec, str, int]]) -> list[Supposed]:
        """Hide new empty indexes, and give them and those of their partitions their sizes."""
        if not created:
            return []
        roots = [root for *_, root in created]
        rows = self.superuser.execute(_LEAVES, (roots,)).fetchall()
        every = [row[1] for row in rows]
        # Hidden before anything is planned: a planner that sees one would read its first page.
        self.superuser.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = ANY(%s)", (every,)
        )
        self.storage.forget([row[1] for row in rows if row[6] == "i"])
        rows = self.superuser.execute(_LEAVES, (roots,)).fetchall()  # some have another file now
        of_root: dict[int, list[tuple[Any, ...]]] = {}
        for row in rows:
            of_root.setdefault(row[0], []).append(row)
        adopted = []
        filled: list[tuple[int, int, float]] = []
        for spec, name, root in created:
            own = of_root[root]
            size_bytes = 0
            for _, oid, index, schema, relation, path, kind in own:
                if kind == "i":
                    heap = self.snapshot.relation_by_name[QualifiedName(schema, relation)]
                    leaf = _Leaf(
                        oid, QualifiedName(schema, index), heap, self.storage.data_dir / path
                    )
                    size = self._fill(spec, leaf)
                    size_bytes += size.size_bytes
                    filled.append((oid, size.pages, self._rows(heap, spec.predicate)))
            parts = tuple(sorted(row[2] for row in own if row[1] != root))
            supposed = Supposed(
                Hypothetical(name, spec, size_bytes, parts), frozenset(row[1] for row in own)
            )
            self.by_name[name] = supposed
            adopted.append(supposed)
        self.hidden_oids |= frozenset(every)
        if filled:  # none on ONLY a partitioned relation
            self.superuser.execute(_SIZES, tuple(map(list, zip(*filled, strict=True))))
        return adopted

    def _fill(self, spec: IndexSpec, leaf: _Leaf) -> IndexSize:
        """Size one index with a file."""
        size = self._size(spec, leaf, self._rows(leaf.relation, spec.predicate))
        heap_blocks = leaf.relation.size_bytes // BLOCK_BYTES
        self.storage.fill(leaf.file, spec.access_method, size, heap_blocks)
        return size

    def _size(self, spec: IndexSpec, leaf: _Leaf, rows: float) -> IndexSize:
        keys = self._keys(spec, leaf)
        if spec.access_method == "gin":
            groups = self.deriver.gin_groups(leaf.oid, leaf.relation, rows)
            if groups:
                return gin_size(groups, leaf.relation.size_bytes // BLOCK_BYTES)
        if spec.access_method in {"gist", "spgist"}:
            tried = tried_size(
                self.superuser, self.owner, spec, leaf.relation, oid=leaf.oid, rows=rows
            )
            if tried:
                return tried
        merges = (
            spec.access_method == "btree"
            and pages.deduplicates(leaf.file)
            and not any("deduplicate_items" in o and "off" in o for o in spec.options)
        )
        return index_size(spec, leaf.relation, keys, rows=rows, deduplicates=merges)

    def _keys(self, spec: IndexSpec, leaf: _Leaf) -> list[KeyFigures]:
        """Figures of the keys; an expression's statistics are derived and put on the index."""
        derived: dict[int, KeyFigures] = {}
        if any(key.column is None for key in spec.keys):
            derived = self.deriver.figures(leaf.oid, leaf.relation)
            found = {place: f.statistics for place, f in derived.items() if f.statistics}
            restore_expressions(self.superuser, leaf.name, found)
        columns = (leaf.relation.column(key.column or "") for key in spec.keys)
        return [
            key_figures(column, leaf.relation, self.snapshot)
            if column
            else derived.get(place, expression_figures(None))
            for place, column in enumerate(columns, start=1)
        ]

    def _rows(self, relation: Relation, predicate: str | None) -> float:
        """Rows of a relation that a predicate lets in.

        The planner of the twin estimates it, in the session that has no privileges to lose.
        """
        known = self.rows.get((relation.name, predicate))
        if known is not None:
            return known
        where = f" WHERE {predicate}" if predicate else ""
        sql = f"EXPLAIN (FORMAT JSON) SELECT FROM ONLY {relation.name.sql}{where}"
        with self.owner.transaction():
            self.owner.execute("SET LOCAL max_parallel_workers_per_gather = 0")
            ((document,),) = self.owner.execute(sql.encode()).fetchall()
        found = float(document[0]["Plan"]["Plan Rows"])
        self.rows[relation.name, predicate] = found
        return found


def _may_name(sql: str, relation: str) -> bool:
    return relation.replace('"', '""').casefold() in sql.casefold()
