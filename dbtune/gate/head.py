"""Base snapshot + rehearsed migrations → the snapshot that the pull request leads to. Pure.

What the migrations did not touch is taken from the base as it is; what they changed has the new
structure with the base's statistics and sizes, as far as these still say something.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import (
    Column,
    ColumnStatistics,
    ExtendedStatistics,
    Index,
    Relation,
)
from dbtune.snapshot.model import Snapshot
from dbtune.twin.rehearsal import Rehearsal

T = TypeVar("T")
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
_TEXTS = frozenset({"text", "character varying", "character", "citext", "name"})


@dataclass(frozen=True)
class Head:
    """The snapshot after the migrations.

    `added` are indexes on relations that the base has: they have no size yet. `dropped` are the
    base's indexes that are gone, without those whose relation went too. `relations` and `indexes`
    map names in the base to names in the head; `columns` does so for the columns of a relation
    (by its name in the base).
    """

    snapshot: Snapshot
    added: tuple[Index, ...]
    dropped: tuple[Index, ...]
    relations: Mapping[QualifiedName, QualifiedName]
    indexes: Mapping[QualifiedName, QualifiedName]
    columns: Mapping[QualifiedName, Mapping[str, str]]

    @property
    def without_added(self) -> Snapshot:
        """The head's snapshot before its new indexes were built: those are to be supposed."""
        names = {i.name for i in self.added}
        backed = {(i.relation, i.constraint) for i in self.added if i.constraint}
        return replace(
            self.snapshot,
            indexes=tuple(i for i in self.snapshot.indexes if i.name not in names),
            constraints=tuple(
                c for c in self.snapshot.constraints if (c.relation, c.name) not in backed
            ),
        )


def head_of(base: Snapshot, rehearsal: Rehearsal) -> Head:
    """The head that the rehearsed migrations make of the base."""
    before, after = rehearsal.before, rehearsal.after
    relations = _renamed(before.relations, after.relations)
    indexes = _renamed(before.indexes, after.indexes)
    columns = _columns(before, after)
    patched = _relations(base, rehearsal, columns)
    made = _indexes(base, rehearsal)
    snapshot = replace(
        base,
        relations=patched,
        indexes=made,
        constraints=_carried(
            base.constraints,
            before.constraints,
            after.constraints,
            key=lambda c: (c.relation, c.name),
        ),
        extended_statistics=_extended(
            base.extended_statistics, before.extended_statistics, after.extended_statistics
        ),
        objects=_carried(
            base.objects, before.objects, after.objects, key=lambda o: (o.kind, o.identity)
        ),
        extensions=_carried(
            base.extensions, before.extensions, after.extensions, key=lambda e: e.name
        ),
    )
    known = {i.name for i in base.indexes}
    kept = set(indexes.values())
    old = set(relations.values())
    return Head(
        snapshot=snapshot,
        added=tuple(i for i in made if i.name not in kept and i.relation in old),
        dropped=_dropped(base, rehearsal, relations, indexes),
        relations=relations,
        indexes={b: a for b, a in indexes.items() if b in known},
        columns=columns,
    )


def _dropped(
    base: Snapshot,
    rehearsal: Rehearsal,
    relations: Mapping[QualifiedName, QualifiedName],
    indexes: Mapping[QualifiedName, QualifiedName],
) -> tuple[Index, ...]:
    stood = {i.name for i in rehearsal.before.indexes}
    return tuple(
        i
        for i in base.indexes
        if i.name in stood and i.name not in indexes and i.relation in relations
    )


def _renamed(
    before: Sequence[Relation] | Sequence[Index], after: Sequence[Relation] | Sequence[Index]
) -> dict[QualifiedName, QualifiedName]:
    """Names before → names after, of what is still there, told by OID."""
    now = {thing.oid: thing.name for thing in after}
    return {thing.name: now[thing.oid] for thing in before if thing.oid in now}


def _columns(before: Snapshot, after: Snapshot) -> dict[QualifiedName, dict[str, str]]:
    now = {r.oid: {c.number: c.name for c in r.columns} for r in after.relations}
    return {
        r.name: {c.name: now[r.oid][c.number] for c in r.columns if c.number in now[r.oid]}
        for r in before.relations
        if r.oid in now
    }


def _relations(
    base: Snapshot, rehearsal: Rehearsal, columns: Mapping[QualifiedName, Mapping[str, str]]
) -> tuple[Relation, ...]:
    """The base's own where nothing changed, the changed ones patched, the new ones last."""
    before = {r.oid: r for r in rehearsal.before.relations}
    stood = {r.name: r.oid for r in rehearsal.before.relations}
    after = {r.oid: r for r in rehearsal.after.relations}
    kept = []
    for relation in base.relations:
        oid = stood.get(relation.name)
        if oid is None:  # the twin could not load it, so no migration touched it there
            kept.append(relation)
        elif oid in after:
            unchanged = _structure(before[oid]) == _structure(after[oid])
            kept.append(
                relation
                if unchanged
                else _patched(relation, after[oid], columns[relation.name], before[oid])
            )
    offset = max((r.oid for r in base.relations), default=0)
    new = (r for oid, r in after.items() if oid not in before)
    return (*kept, *(replace(r, oid=offset + n) for n, r in enumerate(new, 1)))


def _structure(relation: Relation) -> Relation:
    """The relation without what changes by itself."""
    return replace(
        relation, relpages=0, reltuples=0, relallvisible=0, size_bytes=0, toast_bytes=0,
        activity=None, owner="",
    )  # fmt: skip


def _patched(
    base: Relation, after: Relation, columns: Mapping[str, str], before: Relation
) -> Relation:
    """The new structure with the base's sizes, and its statistics column by column."""
    origin = {now: then for then, now in columns.items()}
    types = {c.name: c.type for c in before.columns}

    def column(made: Column) -> Column:
        old = base.column(origin[made.name]) if made.name in origin else None
        if old is None:
            return replace(made, statistics=_fresh(made)) if base.reltuples > 0 else made
        same = types.get(old.name) == made.type
        kept = old.statistics if same else tuple(_adapted(s, old, made) for s in old.statistics)
        return replace(made, statistics=kept)

    return replace(
        base,
        name=after.name,
        persistence=after.persistence,
        columns=tuple(map(column, after.columns)),
        options=after.options,
        parents=after.parents,
        partition_key=after.partition_key,
        partition_bound=after.partition_bound,
        row_security=after.row_security,
        replica_identity=after.replica_identity,
        definition=after.definition if after.kind == "v" else base.definition,
    )


def _fresh(made: Column) -> tuple[ColumnStatistics, ...]:
    """What ANALYZE would find in a column just added: the same in every row, most often null."""
    if made.generated or made.identity:
        return ()
    null_frac = 1.0 if made.default is None else 0.0
    width = made.type_length if made.type_length > 0 else 8
    distinct = 0.0 if made.default is None else 1.0
    return (ColumnStatistics(False, null_frac, width, distinct),)


def _adapted(statistics: ColumnStatistics, old: Column, made: Column) -> ColumnStatistics:
    """Statistics after a change of type: values stay where the new type writes them alike."""
    names = {old.type.split("(")[0], made.type.split("(")[0]}
    if names <= _NUMBERS or names <= _TEXTS:
        return statistics
    return ColumnStatistics(
        inherited=statistics.inherited,
        null_frac=statistics.null_frac,
        avg_width=made.type_length if made.type_length > 0 else statistics.avg_width,
        n_distinct=statistics.n_distinct,
    )


def _indexes(base: Snapshot, rehearsal: Rehearsal) -> tuple[Index, ...]:
    stood = {i.name: i.oid for i in rehearsal.before.indexes}
    before = {i.oid: i for i in rehearsal.before.indexes}
    after = {i.oid: i for i in rehearsal.after.indexes}
    kept = []
    for index in base.indexes:
        oid = stood.get(index.name)
        if oid is None:
            kept.append(index)
        elif oid in after:
            now = after[oid]
            same = _index_structure(before[oid]) == _index_structure(now)
            kept.append(index if same else _patched_index(index, now))
    offset = max((i.oid for i in base.indexes), default=0)
    new = sorted((i for oid, i in after.items() if oid not in before), key=lambda i: i.oid)
    return (*kept, *(replace(i, oid=offset + n) for n, i in enumerate(new, 1)))


def _index_structure(index: Index) -> Index:
    return replace(
        index, relpages=0, reltuples=0, size_bytes=0, tree_height=None, gin_pages=None,
        activity=None,
        keys=tuple(replace(k, statistics=None) for k in index.keys),
    )  # fmt: skip


def _patched_index(base: Index, after: Index) -> Index:
    """The index as it stands now (renamed, its columns renamed) with the size it had."""
    keys = (
        replace(now, statistics=then.statistics)
        for now, then in zip(after.keys, base.keys, strict=True)
    )
    same_keys = len(after.keys) == len(base.keys)
    return replace(
        after,
        oid=base.oid,
        keys=tuple(keys) if same_keys else after.keys,
        relpages=base.relpages,
        reltuples=base.reltuples,
        size_bytes=base.size_bytes,
        tree_height=base.tree_height,
        gin_pages=base.gin_pages,
        activity=base.activity,
    )


def _extended(
    base: Sequence[ExtendedStatistics],
    before: Sequence[ExtendedStatistics],
    after: Sequence[ExtendedStatistics],
) -> tuple[ExtendedStatistics, ...]:
    """Objects that stood keep their figures, under whatever their relation is called now."""
    figures = {s.name: s for s in base}
    return tuple(
        replace(figures[s.name], relation=s.relation, definition=s.definition, columns=s.columns)
        if s.name in figures
        else s
        for s in _carried(base, before, after, key=lambda s: s.name)
    )


def _carried(
    base: Sequence[T], before: Sequence[T], after: Sequence[T], *, key: Callable[[T], Hashable]
) -> tuple[T, ...]:
    """The base's values with the changes from before to after carried over."""
    then, now = {key(v): v for v in before}, {key(v): v for v in after}
    kept = (v for v in base if key(v) not in then or key(v) in now)
    carried = (v if then.get(key(v)) == now.get(key(v)) else now[key(v)] for v in kept)
    return (*carried, *(v for k, v in now.items() if k not in then))
