"""Detectors: pure functions from a workload to what is there, one file each, found by file name.

A detector file holds `Params` (a frozen dataclass without defaults: thresholds live in the rule
files, with their reasons), `Evidence` (a frozen dataclass of JSON-ready values) and
`detect(workload, params)`. Its name is the file's name with hyphens. Files that begin with an
underscore are shared by detectors and are none.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from dbtune.finding import Match
from dbtune.workload import Workload


class DetectorFile(Protocol):
    """What a detector's file must hold. `Params` and `Evidence` are dataclasses."""

    Params: type[Any]
    Evidence: type[Any]

    @property
    def detect(self) -> Callable[[Workload, Any], Iterator[Match[Any]]]: ...


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector as rules use it. `summary` is the first line of its file."""

    name: str
    summary: str
    params: type[Any]
    evidence: type[Any]
    detect: Callable[[Workload, Any], Iterator[Match[Any]]]


@cache
def detectors() -> Mapping[str, Detector]:
    """Every detector by name, in the order of names."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name[0] != "_")
    return {d.name: d for d in map(_load, names)}


def _load(module_name: str) -> Detector:
    module = import_module(f"{__name__}.{module_name}")
    found = cast("DetectorFile", module)
    return Detector(
        name=module_name.replace("_", "-"),
        summary=(module.__doc__ or "").split("\n")[0],
        params=found.Params,
        evidence=found.Evidence,
        detect=found.detect,
    )
