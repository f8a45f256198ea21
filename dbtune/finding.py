"""What dbtune says: matches, findings, and how sure and how grave they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, TypeVar

from dbtune.advice import Change
from dbtune.identifier import QualifiedName

E_co = TypeVar("E_co", covariant=True)


class Severity(IntEnum):
    """How much a finding matters; an IntEnum so that comparisons sort by weight."""

    INFO = 10
    WARNING = 20
    ERROR = 30

    @property
    def word(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """How well a finding is proven.

    CANDIDATE: shape only. LIKELY: statistics agree. PROVEN: seen in catalog, logs, or priced.
    """

    CANDIDATE = 10
    LIKELY = 20
    PROVEN = 30

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a relation, perhaps one of its columns or indexes, or a statement.

    `name` is the text shown to people; `relation` is None for a finding on a statement alone.
    """

    name: str
    relation: QualifiedName | None = None
    columns: tuple[str, ...] = ()
    index: QualifiedName | None = None


@dataclass(frozen=True)
class Match(Generic[E_co]):
    """What a detector saw. No threshold, no severity, no sentence: the rule adds those.

    `statements` are fingerprints of workload statements; `evidence` is a frozen dataclass of
    JSON-ready values; `key` tells apart two matches of one detector on one subject. `share` is
    the part of the workload's execution time (0 to 1) concerned. `cures` mend it.
    """

    subject: Subject
    evidence: E_co
    confidence: Confidence
    statements: tuple[str, ...] = ()
    share: float = 0.0
    key: str = ""
    cures: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A match that a rule judged: the unit of every report."""

    rule: str
    severity: Severity
    confidence: Confidence
    subject: Subject
    fingerprint: str
    title: str
    message: str
    evidence: Mapping[str, Any]
    statements: tuple[str, ...]
    share: float


def finding_fingerprint(rule: str, subject: Subject, key: str) -> str:
    """A name for a finding that survives recreated tables: from names and text, never oids."""
    relation = subject.relation.sql if subject.relation else ""
    index = subject.index.name if subject.index else ""
    parts = (rule, relation, index, *subject.columns, key)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
