"""Candidate indexes for a demand: one file per kind, found by file name.

Each module defines `KIND` (the access method) and `propose(demand)`, which yields specs.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Protocol, cast

from dbtune.advisor.demand import Demand
from dbtune.advisor.options import AdvisorOptions
from dbtune.index import IndexSpec


class Maker(Protocol):
    """A module of this package."""

    KIND: str
    COVERS: bool

    def propose(self, demand: Demand) -> Iterator[IndexSpec]:
        """Specs that might serve the demand; the planner decides whether they do."""
        ...


@cache
def makers() -> tuple[Maker, ...]:
    """Every maker, by file name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast(Maker, importlib.import_module(f"{__name__}.{name}")) for name in names)


def candidates_for(demand: Demand, options: AdvisorOptions) -> tuple[IndexSpec, ...]:
    """All candidates of the kinds wanted, each once."""
    specs: dict[IndexSpec, None] = {}
    for maker in makers():
        if maker.KIND in options.kinds and (options.include or not maker.COVERS):
            specs.update(dict.fromkeys(maker.propose(demand)))
    return tuple(specs)
