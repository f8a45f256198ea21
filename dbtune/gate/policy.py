"""Policy: a team's own severities, thresholds, budgets and waivers, from a checked YAML file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from dbtune.errors import BadInput
from dbtune.files import why_unread
from dbtune.finding import Finding, Severity
from dbtune.gate.thresholds import Thresholds
from dbtune.identifier import QualifiedName
from dbtune.rules.load import UniqueKeyLoader

SeverityWord = Literal["info", "warning", "error"]
OFF = "off"


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an entry is about: all that it names must fit. Patterns with * and ? may be used.

    `relation` is compared with schema.name and with the name alone; `statement` with the
    fingerprints of a finding's statements.
    """

    rule: str = "*"
    relation: str = "*"
    statement: str = "*"
    fingerprint: str = "*"

    def fits(self, finding: Finding) -> bool:
        """True if a finding is meant."""
        return (
            fnmatchcase(finding.rule, self.rule)
            and fnmatchcase(finding.fingerprint, self.fingerprint)
            and self.fits_relation(finding.subject.relation)
            and self.fits_statements(finding.statements)
        )

    def fits_relation(self, relation: QualifiedName | None) -> bool:
        if self.relation == "*":
            return True
        if relation is None:
            return False
        names = (relation.name, f"{relation.schema}.{relation.name}")
        return any(fnmatchcase(name, self.relation) for name in names)

    def fits_statements(self, statements: tuple[str, ...]) -> bool:
        return self.statement == "*" or any(fnmatchcase(s, self.statement) for s in statements)


class Override(Scope, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another severity ("off": not reported) or other thresholds for what the scope names."""

    severity: Literal["info", "warning", "error", "off"] | None = None
    min_ratio: float | None = None
    min_cost_increase: float | None = None
    min_gain: float | None = None
    large_relation_rows: int | None = None
    large_relation_bytes: int | None = None
    mass_write_rows: int | None = None
    min_index_scans: int | None = None


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What no statement may exceed, on the relations or statements named.

    `max_cost` is of the statement's plan; `no_sequential_scan_over_rows` bounds the relations that
    may be read whole.
    """

    relation: str = "*"
    statement: str = "*"
    max_cost: float | None = None
    no_sequential_scan_over_rows: int | None = None
    severity: SeverityWord = "error"


class Waiver(Scope, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Findings that somebody answers for until a day; from the day after, the waiver fails."""

    owner: str
    reason: str
    expires: date

    @property
    def words(self) -> str:
        return f"{self.owner} until {self.expires.isoformat()}: {self.reason}"


class _PolicyFile(msgspec.Struct, forbid_unknown_fields=True):
    fail_on: SeverityWord = "warning"
    thresholds: dict[str, Any] = {}
    overrides: list[Override] = []
    budgets: list[Budget] = []
    waivers: list[Waiver] = []


@dataclass(frozen=True)
class Policy:
    """What fails. Of several overrides that fit, the last one given decides, key by key."""

    fail_on: Severity = Severity.WARNING
    thresholds: Thresholds = dataclasses.field(default_factory=Thresholds)
    overrides: tuple[Override, ...] = ()
    budgets: tuple[Budget, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def limits(self, rule: str, relation: QualifiedName | None, statement: str = "") -> Thresholds:
        """The thresholds for a rule on a relation and a statement."""
        changed: dict[str, Any] = {}
        for override in self.overrides:
            if (
                fnmatchcase(rule, override.rule)
                and override.fits_relation(relation)
                and override.fits_statements((statement,))
            ):
                for name in _THRESHOLDS:
                    value = getattr(override, name)
                    if value is not None:
                        changed[name] = value
        return dataclasses.replace(self.thresholds, **changed)

    def severity(self, finding: Finding) -> Severity | None:
        """A finding's severity under this policy; None: not reported."""
        word: str | None = None
        for override in self.overrides:
            if override.severity and override.fits(finding):
                word = override.severity
        if word is None:
            return finding.severity
        return None if word == OFF else Severity[word.upper()]

    def waiver(self, finding: Finding, today: date) -> Waiver | None:
        """The waiver in force that covers a finding."""
        return next((w for w in self.waivers if w.expires >= today and w.fits(finding)), None)

    def expired(self, today: date) -> tuple[Waiver, ...]:
        return tuple(w for w in self.waivers if w.expires < today)


_THRESHOLDS = tuple(f.name for f in dataclasses.fields(Thresholds))


def load_policy(file: Path) -> Policy:
    """The policy in a file.

    Raises:
        BadInput: naming the file, the key, and what is wrong with it.
    """
    raw = _read(file)
    try:
        thresholds = msgspec.convert(raw.thresholds, Thresholds)
    except msgspec.ValidationError as error:
        raise _bad(file, error, "thresholds") from error
    for name in raw.thresholds:
        if name not in _THRESHOLDS:
            known = ", ".join(_THRESHOLDS)
            raise BadInput(f"{file}: thresholds.{name}: there is no such key; there are {known}.")
    return Policy(
        Severity[raw.fail_on.upper()],
        thresholds,
        tuple(raw.overrides),
        tuple(raw.budgets),
        tuple(raw.waivers),
    )


def _read(file: Path) -> _PolicyFile:
    try:
        loaded = yaml.load(file.read_text(encoding="utf-8"), UniqueKeyLoader)
        return msgspec.convert({} if loaded is None else loaded, _PolicyFile)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The policy {file} cannot be read: {why_unread(error)}.") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{file} is not YAML: {' '.join(str(error).split())}.") from error
    except msgspec.ValidationError as error:
        raise _bad(file, error) from error


def _bad(file: Path, error: msgspec.ValidationError, key: str = "") -> BadInput:
    what, _, where = str(error).partition(" - at `$")
    place = ".".join(p for p in (key, where.strip(".`")) if p) or "the file"
    return BadInput(f"{file}: {place}: {what}.", "See the policy example in the README.")
