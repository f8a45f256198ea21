"""A relation's use in the making."""

from __future__ import annotations

from dataclasses import dataclass, field

from dbtune.snapshot.catalog import Relation
from dbtune.statement.model import Qual, RelationUse, SortKey


@dataclass(slots=True)
class Use:
    """A RelationUse in the making; `number` is its place in Statement.relations."""

    number: int
    relation: Relation
    alias: str
    target: bool = False
    sampled: bool = False
    in_subquery: bool = False
    quals: dict[Qual, None] = field(default_factory=dict)
    sort_keys: tuple[SortKey, ...] = ()
    group_keys: tuple[str, ...] = ()
    distinct_keys: tuple[str, ...] = ()
    extreme_keys: tuple[str, ...] = ()
    window_keys: tuple[SortKey, ...] = ()
    projected: dict[str, None] = field(default_factory=dict)
    written: dict[str, None] = field(default_factory=dict)
    all_columns: bool = False
    limit: int | None = None
    has_offset: bool = False
    locking: bool = False

    def finished(self) -> RelationUse:
        return RelationUse(
            relation=self.relation.name,
            alias=self.alias,
            role="target" if self.target else "read",
            quals=tuple(self.quals),
            sort_keys=self.sort_keys,
            group_keys=self.group_keys,
            distinct_keys=self.distinct_keys,
            extreme_keys=self.extreme_keys,
            window_keys=self.window_keys,
            projected=tuple(self.projected),
            all_columns=self.all_columns,
            written=tuple(self.written),
            limit=self.limit,
            has_offset=self.has_offset,
            locking=self.locking,
            in_subquery=self.in_subquery,
        )
