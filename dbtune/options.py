"""What an analysis is asked: what to examine, by which rules, priced how, proven where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dbtune.advisor import AdvisorOptions
from dbtune.finding import Confidence, Severity
from dbtune.snapshot.scope import Scope

EngineName = Literal["twin", "hypopg", "none"]


@dataclass(frozen=True)
class VerifyOptions:
    """Where to prove the advice: see dbtune.verify.place. A statement is stopped after `cap_s`."""

    on: str
    journal_file: Path
    known_as: str | None = None
    time_limit_s: float = 20.0
    cap_s: float = 60.0


@dataclass(frozen=True)
class AnalyzeOptions:
    """What to examine, by which rules, priced how, and when to fail.

    `fail_on` is the least severity that fails, `fail_on_confidence` the least confidence such a
    finding needs. `strict` fails when a statement, or what the role may not see, was not examined.
    `target` is the server that the snapshot is of, wanted by the engine "hypopg" alone.
    `compare_on` names a database where loops and their cures are run and compared, read-only.
    """

    scope: Scope = field(default_factory=Scope)
    rules_dir: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    advisor: AdvisorOptions = field(default_factory=AdvisorOptions)
    engine: EngineName = "twin"
    target: str | None = None
    bindir: Path | None = None
    min_confidence: Confidence = Confidence.LIKELY
    fail_on: Severity | None = None
    fail_on_confidence: Confidence = Confidence.LIKELY
    strict: bool = False
    verify: VerifyOptions | None = None
    compare_on: str | None = None
