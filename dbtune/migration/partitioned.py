"""Steps for the index of a partitioned relation, which cannot be built concurrently as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.migration.create import build_steps, on_only, verify_valid
from dbtune.migration.model import BRIEF_LOCK_TIMEOUT, Step
from dbtune.migration.naming import Names
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot


def create_steps(
    spec: IndexSpec, name: QualifiedName, snapshot: Snapshot, names: Names, comment: tuple[str, ...]
) -> list[Step]:
    """ON ONLY the parent, each leaf concurrently, then attach; the parent becomes valid last."""
    tree = {name: spec.ddl(name.name)}
    parents: dict[QualifiedName, QualifiedName] = {}
    kinds = {name: "p"}
    frontier = [(spec.relation, name)]
    has_foreign = False
    while frontier:
        relation, index = frontier.pop(0)
        for child in children_of(relation, snapshot):
            if child.kind == "f":  # foreign tables have no indexes
                has_foreign = True
                continue
            child_spec = replace(spec, relation=child.name)
            child_index = names.take(child_spec)
            tree[child_index] = child_spec.ddl(child_index.name)
            parents[child_index] = index
            kinds[child_index] = child.kind
            if child.kind == "p":
                frontier.append((child.name, child_index))
    return tree_steps(tree, parents, kinds, comment, verify=not has_foreign)


def tree_steps(
    definitions: Mapping[QualifiedName, str],
    parents: Mapping[QualifiedName, QualifiedName],
    kinds: Mapping[QualifiedName, str],
    comment: tuple[str, ...],
    *,
    verify: bool,
) -> list[Step]:
    """Build a tree of indexes.

    Args:
        definitions: CREATE INDEX of each index, parents before children.
        parents: the index that each but the first is attached to.
        kinds: relkind of each index's relation ("p": no rows of its own).
        comment: lines that explain the index.
        verify: end with a check that the whole is valid.
    """
    steps: list[Step] = []
    for index, definition in definitions.items():
        if kinds[index] == "p":
            root = index.sql if index not in parents else ""
            sql = on_only(index, definition)
            steps.append(Step(sql, comment, BRIEF_LOCK_TIMEOUT, creates=root))
            comment = ()
    for index, definition in definitions.items():
        if kinds[index] != "p":
            steps += build_steps(index, definition, comment)
    # Leaves first: a parent becomes valid when its last child is attached.
    for child in reversed([i for i in definitions if i in parents]):
        attach = f"ALTER INDEX {parents[child].sql} ATTACH PARTITION {child.sql}"
        steps.append(Step(attach, (), BRIEF_LOCK_TIMEOUT))
    if verify:
        steps.append(verify_valid(next(iter(definitions))))
    return steps


def restore_steps(name: QualifiedName, snapshot: Snapshot, comment: tuple[str, ...]) -> list[Step]:
    """Bring back an existing partitioned index, each partition's under its own name."""
    by_name = {index.name: index for index in snapshot.indexes}
    tree = [name, *_indexes_below(name, snapshot)]
    return tree_steps(
        {index: by_name[index].definition for index in tree},
        {index: parent for index in tree[1:] if (parent := by_name[index].parent)},
        {index: snapshot.relation_by_name[by_name[index].relation].kind for index in tree},
        comment,
        verify=by_name[name].is_valid,
    )


def _indexes_below(name: QualifiedName, snapshot: Snapshot) -> Iterator[QualifiedName]:
    for index in snapshot.indexes:
        if index.parent == name:
            yield index.name
            yield from _indexes_below(index.name, snapshot)


def children_of(relation: QualifiedName, snapshot: Snapshot) -> Iterator[Relation]:
    """The direct partitions of a partitioned relation, by name."""
    for child in sorted(snapshot.relations, key=lambda r: r.name):
        if child.is_partition and relation in child.parents:
            yield child
