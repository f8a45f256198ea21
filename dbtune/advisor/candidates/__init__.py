"""Candidate indexes for a demand: one file per kind, found by file name.

Each module defines `KIND` (the access method) and `propose(demand)`, which yields specs.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Protocol, cast

from dbtune.advisor.demand import Demand
from dbtune.advisor.keys import is_ordered
from dbtune.advisor.options import AdvisorOptions
from dbtune.index import IndexSpec, column_key


class Maker(Protocol):
    """A module of this package."""

    KIND: str

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
        if maker.KIND in options.kinds:
            for spec in maker.propose(demand):
                wanted = spec if options.include else all_keys(spec)
                if wanted is spec or is_ordered(demand, wanted.keys):
                    specs[wanted] = None
    return tuple(specs)


def all_keys(spec: IndexSpec) -> IndexSpec:
    """The index with its included columns as the last keys: larger by little, and it covers too."""
    if not spec.included:
        return spec
    return replace(spec, keys=(*spec.keys, *map(column_key, spec.included)), included=())
