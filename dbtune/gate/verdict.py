"""Verdict: for every finding what the gate decides, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dbtune.errors import ExitCode
from dbtune.finding import Confidence, Finding, Severity


class Outcome(StrEnum):
    """What becomes of a finding: only `fails` stops a pull request."""

    FAILS = "fails"
    PASSES = "passes"
    KNOWN = "known"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the repository a finding comes from; lines count from 1."""

    file: str
    line: int = 1


@dataclass(frozen=True)
class Decision:
    """One finding and what the gate does with it.

    `reproduce` is a command that shows the same, `cure` DDL ready to paste; both may be empty.
    """

    finding: Finding
    outcome: Outcome
    reason: str
    reproduce: str = ""
    cure: str = ""
    location: Location | None = None


@dataclass(frozen=True)
class Verdict:
    """All decisions, and the reasons to fail that belong to no finding (--strict, policy)."""

    decisions: tuple[Decision, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.outcome is Outcome.FAILS)

    @property
    def failed(self) -> bool:
        return bool(self.reasons or self.failures)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.GATE_FAILED if self.failed else ExitCode.DONE


def verdict_by_severity(
    findings: Iterable[Finding],
    fail_on: Severity | None,
    *,
    min_confidence: Confidence = Confidence.CANDIDATE,
    reasons: Iterable[str] = (),
) -> Verdict:
    """The verdict without baseline and policy: findings at or above `fail_on` fail.

    Args:
        findings: what was found.
        fail_on: the least severity that fails; None: none does.
        min_confidence: the least confidence that a finding needs to fail.
        reasons: further reasons to fail.
    """
    return Verdict(
        tuple(_by_severity(f, fail_on, min_confidence) for f in findings), tuple(reasons)
    )


def _by_severity(
    finding: Finding, fail_on: Severity | None, min_confidence: Confidence
) -> Decision:
    if fail_on is None:
        return Decision(finding, Outcome.PASSES, "no severity fails (--fail-on is not given)")
    if finding.confidence < min_confidence:
        reason = f"{finding.confidence.word} is below the confidence asked for"
        return Decision(finding, Outcome.PASSES, reason)
    if finding.severity >= fail_on:
        reason = f"{finding.severity.word} is at or above --fail-on {fail_on.word}"
        return Decision(finding, Outcome.FAILS, reason)
    return Decision(finding, Outcome.PASSES, f"below --fail-on {fail_on.word}")
