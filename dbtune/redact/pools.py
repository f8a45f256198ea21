"""Pools of values: columns of one type and collation share one, so that joins stay joins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dbtune.identifier import QualifiedName
from dbtune.redact.invent import invent, sort_key
from dbtune.redact.order import common_order

PoolKey = tuple[str, QualifiedName | None]
"""Type of the values, and the collation where it is not the type's own."""


class Visit(Protocol):
    """Sees every list of values of a snapshot; what it returns takes their place.

    None: the list cannot be kept.
    """

    def __call__(
        self, pool: PoolKey, values: Sequence[str], *, ascending: bool = False
    ) -> tuple[str, ...] | None: ...


@dataclass
class Recorder:
    """A visit that changes nothing and remembers all."""

    ascending: dict[PoolKey, list[Sequence[str]]] = field(default_factory=lambda: defaultdict(list))
    unordered: dict[PoolKey, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __call__(
        self, pool: PoolKey, values: Sequence[str], *, ascending: bool = False
    ) -> tuple[str, ...] | None:
        """Remember the values."""
        if ascending:
            self.ascending[pool].append(values)
        self.unordered[pool].update(values)
        return tuple(values)

    def replacer(self) -> Replacer:
        """A visit that puts a stand-in for each value seen."""
        stand_ins = {}
        for pool, values in self.unordered.items():
            ordered = common_order(self.ascending[pool], values, sort_key(pool[0]))
            stand_ins[pool] = invent(pool[0], ordered)
        return Replacer(stand_ins)


@dataclass(frozen=True, slots=True)
class Replacer:
    """A visit that puts stand-ins; pools without have a type that none can be invented for."""

    stand_ins: Mapping[PoolKey, Mapping[str, str] | None]

    def __call__(
        self,
        pool: PoolKey,
        values: Sequence[str],
        *,
        ascending: bool = False,  # noqa: ARG002
    ) -> tuple[str, ...] | None:
        """The values' stand-ins."""
        found = self.stand_ins.get(pool)
        return tuple(found[value] for value in values) if found is not None else None

    @property
    def types_dropped(self) -> tuple[str, ...]:
        """The types whose values could not be kept in any form."""
        return tuple(sorted({pool[0] for pool, found in self.stand_ins.items() if found is None}))
