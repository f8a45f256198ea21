"""Hypothetical indexes on the twin: created empty, then given the size of built ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.pricing import Hypothetical, Rejected
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin import pages
from dbtune.twin.adopt import newest_index, plain_create_index, read_spec
from dbtune.twin.estimate import KeyFigures, column_figures, expression_figures, index_size
from dbtune.twin.files import BLOCK_BYTES
from dbtune.twin.model import Session
from dbtune.twin.storage import Storage

_LEAVES = """
SELECT i.indexrelid, n.nspname, t.relname, pg_relation_filepath(i.indexrelid), c.relkind::text,
  c.relname
FROM unnest(%s::oid[]) AS root
CROSS JOIN LATERAL (SELECT root AS oid UNION SELECT relid::oid FROM pg_partition_tree(root)) AS tree
JOIN pg_index i ON i.indexrelid = tree.oid
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
"""


@dataclass(frozen=True, slots=True)
class Supposed:
    """A hypothetical index and the OIDs it has on the twin, those of partitions included."""

    hypothetical: Hypothetical
    oids: frozenset[int]


@dataclass(slots=True)
class Supposer:
    """Makes hypothetical indexes and remembers them."""

    superuser: Session
    owner: Session
    storage: Storage
    snapshot: Snapshot
    made: dict[IndexSpec, Supposed | Rejected] = field(default_factory=dict)
    by_name: dict[str, Supposed] = field(default_factory=dict)
    hidden_oids: frozenset[int] = frozenset()

    def oids(self, name: str) -> frozenset[int]:
        """The OIDs behind a hypothetical index's name. Raises KeyError if there is none."""
        return self.by_name[name].oids

    def suppose(self, specs: Sequence[IndexSpec]) -> tuple[Supposed | Rejected, ...]:
        """One answer per spec, in order; a spec known before is not made again."""
        for spec in specs:
            if spec not in self.made:
                self.made[spec] = self._make(spec)
        return tuple(self.made[spec] for spec in specs)

    def suppose_ddl(self, ddl: str) -> Supposed:
        """The index that a CREATE INDEX statement would make.

        Raises:
            BadInput: it is no CREATE INDEX statement, or the server refuses it.
        """
        refusal = self._create(plain_create_index(ddl))
        if refusal:
            raise BadInput(f"The server refuses {ddl.strip()!r}: {refusal}.")
        root = newest_index(self.superuser)
        assert root is not None
        row = self.superuser.execute("SELECT relname FROM pg_class WHERE oid = %s", (root,))
        ((name,),) = row.fetchall()
        return self._adopt(read_spec(self.superuser, root), name, root)

    def _make(self, spec: IndexSpec) -> Supposed | Rejected:
        name = spec.default_name()
        refusal = self._create(spec.ddl(name))
        if refusal:
            return Rejected(spec, refusal)
        qualified = QualifiedName(spec.relation.schema, name)
        ((root,),) = self.superuser.execute("SELECT %s::regclass::oid", (qualified.sql,)).fetchall()
        return self._adopt(spec, name, root)

    def _create(self, ddl: str) -> str | None:
        """None if the index was made, else what the server said."""
        try:
            with self.owner.transaction():
                self.owner.execute("SET TRANSACTION READ WRITE")
                self.owner.execute(ddl.encode())
        except psycopg.Error as error:
            return error.diag.message_primary or str(error)
        return None

    def _adopt(self, spec: IndexSpec, name: str, root: int) -> Supposed:
        """Size a new empty index and those of its partitions, and hide them."""
        leaves = self.superuser.execute(_LEAVES, ([root],)).fetchall()
        oids = frozenset(row[0] for row in leaves)
        # Hidden before anything is planned: a planner that sees it would cache its first page.
        self.superuser.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = ANY(%s)", (list(oids),)
        )
        self.storage.evict(oids)
        size_bytes = sum(
            self._fill(spec, self.snapshot.relation_by_name[QualifiedName(s, r)], oid, path)
            for oid, s, r, path, kind, _ in leaves
            if kind == "i"
        )
        self.hidden_oids |= oids
        parts = tuple(sorted(row[5] for row in leaves if row[5] != name))
        supposed = Supposed(Hypothetical(name, spec, size_bytes, parts), oids)
        self.by_name[name] = supposed
        return supposed

    def _fill(self, spec: IndexSpec, relation: Relation, oid: int, path: str) -> int:
        """Size one leaf index; returns its bytes."""
        file = self.storage.data_dir / path
        rows = self._rows(spec, relation)
        merges = (
            spec.access_method == "btree"
            and pages.deduplicates(file)
            and not any("deduplicate_items" in o and "off" in o for o in spec.options)
        )
        keys = [self._figures(spec, relation, position) for position in range(len(spec.keys))]
        size = index_size(spec, relation, keys, rows=rows, deduplicates=merges)
        self.storage.fill(
            file,
            spec.access_method,
            size.pages,
            height=size.height,
            heap_blocks=relation.size_bytes // BLOCK_BYTES,
            entries=rows,
        )
        self.superuser.execute(
            "UPDATE pg_class SET relpages = %s, reltuples = %s WHERE oid = %s",
            (size.pages, rows, oid),
        )
        return size.size_bytes

    def _figures(self, spec: IndexSpec, relation: Relation, position: int) -> KeyFigures:
        key = spec.keys[position]
        column = relation.column(key.column) if key.column else None
        return column_figures(column) if column else expression_figures(None)

    def _rows(self, spec: IndexSpec, relation: Relation) -> float:
        """Rows that the index holds: those of the relation that its predicate lets in.

        The planner of the twin estimates it, in the session that has no privileges to lose.
        """
        where = f" WHERE {spec.predicate}" if spec.predicate else ""
        sql = f"EXPLAIN (FORMAT JSON) SELECT FROM ONLY {relation.name.sql}{where}"
        with self.owner.transaction():
            self.owner.execute("SET LOCAL max_parallel_workers_per_gather = 0")
            row = self.owner.execute(sql.encode()).fetchone()
        document = row[0] if row else None
        assert isinstance(document, list)  # psycopg decodes json
        found = float(document[0]["Plan"]["Plan Rows"])
        return found if math.isfinite(found) else 0.0
