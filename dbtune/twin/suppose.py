"""Hypothetical indexes on the twin: created empty, then given the size of built ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.pricing import Hypothetical, Rejected
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin import pages
from dbtune.twin.estimate import KeyFigures, column_figures, expression_figures, index_size
from dbtune.twin.files import BLOCK_BYTES
from dbtune.twin.model import Session
from dbtune.twin.storage import Storage

_LEAVES = """
SELECT i.indexrelid, n.nspname, t.relname, pg_relation_filepath(i.indexrelid), c.relkind::text
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
        for spec in specs:
            if spec not in self.made:
                answer = self._make(spec)
                self.made[spec] = answer
                if isinstance(answer, Supposed):
                    self.by_name[answer.hypothetical.name] = answer
                    self.hidden_oids |= answer.oids
        return tuple(self.made[spec] for spec in specs)

    def _make(self, spec: IndexSpec) -> Supposed | Rejected:
        name = spec.default_name()
        try:
            with self.owner.transaction():
                self.owner.execute("SET TRANSACTION READ WRITE")
                self.owner.execute(spec.ddl(name).encode())
        except psycopg.Error as error:
            return Rejected(spec, error.diag.message_primary or str(error))
        qualified = QualifiedName(spec.relation.schema, name)
        root = self._one("SELECT %s::regclass::oid", qualified.sql)
        leaves = self.superuser.execute(_LEAVES, ([root],)).fetchall()
        oids = frozenset(int(row[0]) for row in leaves)
        self.storage.evict(oids)
        size_bytes = 0
        for oid, schema, relation_name, path, kind in leaves:
            relation = self.snapshot.relation_by_name[QualifiedName(schema, relation_name)]
            if kind == "i":
                size_bytes += self._fill(spec, relation, oid, path)
        self.superuser.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = ANY(%s)", (list(oids),)
        )
        return Supposed(Hypothetical(name, spec, size_bytes), oids)

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

    def _one(self, sql: str, *parameters: object) -> object:
        row = self.superuser.execute(sql.encode(), parameters).fetchone()
        return row[0] if row else None
