"""Observed findings + policy + baseline → a verdict, with a reason for every decision. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from dbtune.gate.baseline import Entry, known
from dbtune.gate.observed import Observed
from dbtune.gate.policy import Policy, Waiver
from dbtune.gate.verdict import Decision, Outcome, Verdict


def decide(
    observed: Iterable[Observed],
    policy: Policy,
    baseline: Sequence[Entry],
    today: date,
    *,
    reasons: Iterable[str] = (),
) -> Verdict:
    """What fails, in an order that depends on nothing but what was found.

    Args:
        observed: what was found; of two with one fingerprint the first counts.
        policy: severities, waivers and from which severity a finding fails.
        baseline: findings that are known.
        today: the day by which waivers expire.
        reasons: further reasons to fail.
    """
    judged = []
    for one in {o.finding.fingerprint: o for o in reversed(list(observed))}.values():
        severity = policy.severity(one.finding)
        if severity is not None:
            judged.append(replace(one, finding=replace(one.finding, severity=severity)))
    judged.sort(key=_rank)
    entries = known([o.finding for o in judged], baseline)
    decisions = [_decision(o, policy, entries, today) for o in judged]
    expired = [_expired(w) for w in policy.expired(today)]
    return Verdict(tuple(decisions), (*expired, *reasons))


def _decision(one: Observed, policy: Policy, entries: Mapping[str, Entry], today: date) -> Decision:
    outcome, reason = _outcome(one, policy, entries, today)
    return Decision(
        finding=one.finding,
        outcome=outcome,
        reason=reason,
        reproduce=one.reproduce,
        cure=one.cure,
        location=one.location,
    )


def _outcome(
    one: Observed, policy: Policy, entries: Mapping[str, Entry], today: date
) -> tuple[Outcome, str]:
    finding = one.finding
    waiver = policy.waiver(finding, today)
    if waiver:
        return Outcome.WAIVED, waiver.words
    entry = entries.get(finding.fingerprint)
    if entry:
        renamed = entry.fingerprint != finding.fingerprint
        return Outcome.KNOWN, (
            f"in the baseline, where it was about {entry.subject}" if renamed else "in the baseline"
        )
    word, least = finding.severity.word, policy.fail_on.word
    if finding.severity >= policy.fail_on:
        return Outcome.FAILS, f"it is new, and severity {word} is at or above {least}"
    return Outcome.PASSES, f"severity {word} is below {least}"


def _expired(waiver: Waiver) -> str:
    what = ", ".join(
        f"{key} {value}"
        for key in ("rule", "relation", "statement", "fingerprint")
        if (value := getattr(waiver, key)) != "*"
    )
    return (
        f"the waiver for {what or 'everything'} expired on {waiver.expires.isoformat()}; "
        f"{waiver.owner} owns it ({waiver.reason})"
    )


def _rank(one: Observed) -> tuple[int, float, str, int, str, str, str]:
    finding, location = one.finding, one.location
    return (
        -finding.severity,
        -finding.share,
        location.file if location else "",
        location.line if location else 0,
        finding.rule,
        finding.subject.name,
        finding.fingerprint,
    )
