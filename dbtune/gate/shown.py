"""A pricing engine to which some hypothetical indexes are as good as built."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dbtune.index import IndexSpec
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, PricingEngine, Rejected


class Shown:
    """Another engine, with the named hypothetical indexes shown in every plan."""

    def __init__(self, engine: PricingEngine, names: Collection[str]) -> None:
        self._engine = engine
        self._names = frozenset(names)

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def explains(self) -> int:
        return self._engine.explains

    def plan(
        self,
        text: str,
        *,
        show: Collection[str] = (),
        hide: Collection[str] = (),
        search_path: Sequence[str] = (),
    ) -> Plan | Unplanned:
        """See PricingEngine."""
        shown = self._names | set(show)
        return self._engine.plan(text, show=shown, hide=hide, search_path=search_path)

    def suppose(self, specs: Sequence[IndexSpec]) -> tuple[Hypothetical | Rejected, ...]:
        """See PricingEngine."""
        return self._engine.suppose(specs)
