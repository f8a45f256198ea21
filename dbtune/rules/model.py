"""The values that a rule file becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbtune.detectors import Detector
from dbtune.finding import Confidence, Severity
from dbtune.rules.template import Condition, Template


@dataclass(frozen=True, slots=True)
class Threshold:
    """One parameter of a rule's detector, and why it has this value."""

    name: str
    value: Any
    because: str


@dataclass(frozen=True, slots=True)
class SeverityCase:
    """A severity that holds instead of the rule's own where `when` is true of the evidence."""

    severity: Severity
    when: Condition
    because: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A detector with thresholds, a severity and the words for what it sees.

    `params` is an instance of the detector's Params. `proof` says why a cure needs no price
    (empty: it needs one). `example` is SQL that shows the trouble, `cure` says what to do.
    """

    id: str
    file: Path
    detector: Detector
    title: str
    severity: Severity
    severity_cases: tuple[SeverityCase, ...]
    min_confidence: Confidence
    params: Any
    thresholds: tuple[Threshold, ...]
    message: Template
    why: str
    example: str
    cure: str
    proof: str
    references: tuple[str, ...]
