"""What a migration does to a server at work; one hazard a file, found by file name.

A hazard's file holds `SEVERITY`, `TITLE` and `seen(step, ground)`, which returns a Hazard or None.
Its rule id is the file's name with hyphens. What is judged is what PostgreSQL did when the
statement ran, not how the statement is written.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Protocol, cast

from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.hazards._ground import Ground, Hazard
from dbtune.gate.observed import Observed
from dbtune.gate.verdict import Location
from dbtune.twin.rehearsal import Step


class HazardFile(Protocol):
    """What a hazard's file holds."""

    SEVERITY: Severity
    TITLE: str

    @property
    def seen(self) -> Callable[[Step, Ground], Hazard | None]: ...


def hazard_names() -> tuple[str, ...]:
    """The rule ids of all hazards, sorted."""
    modules = (m.name for m in pkgutil.iter_modules(__path__) if m.name[0] != "_")
    return tuple(sorted(name.replace("_", "-") for name in modules))


def _load(name: str) -> HazardFile:
    return cast("HazardFile", import_module(f"{__name__}.{name.replace('-', '_')}"))


def hazards_in(steps: Iterable[Step], ground: Ground) -> Iterator[Observed]:
    """What is hazardous in the steps of migrations, in their order."""
    files = [(name, _load(name)) for name in hazard_names()]
    for step in steps:
        for rule, file in files:
            hazard = file.seen(step, ground)
            if hazard:
                yield _observed(rule, file, step, hazard)


def _observed(rule: str, file: HazardFile, step: Step, hazard: Hazard) -> Observed:
    statement = step.statement
    subject = Subject(str(hazard.relation or statement.file), hazard.relation)
    words = " ".join(statement.text.split())
    return Observed(
        Finding(
            rule=rule,
            severity=file.SEVERITY,
            confidence=Confidence.PROVEN,
            subject=subject,
            fingerprint=finding_fingerprint(rule, subject, words),
            title=file.TITLE,
            message=hazard.message,
            evidence={"statement": words[:2000], **hazard.evidence},
            statements=hazard.statements,
            share=hazard.share,
        ),
        location=Location(statement.file, statement.line),
        cure=hazard.cure,
    )


__all__ = ["Ground", "Hazard", "hazard_names", "hazards_in"]
