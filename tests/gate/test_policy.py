"""Policies: mistakes are told with file and key, and each part does what it says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dbtune.errors import BadInput
from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.baseline import entry_of
from dbtune.gate.decide import decide
from dbtune.gate.observed import Observed
from dbtune.gate.policy import Policy, load_policy
from dbtune.gate.verdict import Outcome, Verdict
from dbtune.identifier import QualifiedName

TODAY = date(2026, 3, 14)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    return file


def found(rule: str = "plan-regression", relation: str = "orders") -> Observed:
    subject = Subject(relation, QualifiedName("shop", relation))
    return Observed(
        Finding(
            rule=rule,
            severity=Severity.ERROR,
            confidence=Confidence.PROVEN,
            subject=subject,
            fingerprint=finding_fingerprint(rule, subject, ""),
            title=rule,
            message="message",
            evidence={},
            statements=("aaaaaaaaaaaaaaaa",),
            share=0.1,
        )
    )


def judged(tmp_path: Path, policy: str, *observed: Observed) -> Verdict:
    return decide(observed, load_policy(written(tmp_path, policy)), (), TODAY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fail_on: fatal", "fail_on: Invalid enum value 'fatal'"),
        ("fial_on: error", "the file: .*`fial_on`"),
        ("thresholds: {min_ratio: many}", "thresholds.min_ratio: Expected `float`"),
        ("thresholds: {min_ration: 2}", "thresholds.min_ration: there is no such key"),
        ("waivers: [{rule: x, reason: y, expires: 2026-01-01}]", r"waivers\[0\]: .*`owner`"),
        (
            "waivers: [{owner: a, reason: y, expires: soon}]",
            r"waivers\[0\].expires: Invalid .*date",
        ),
        ("overrides: [{severity: none}]", r"overrides\[0\].severity: Invalid enum"),
        ("budgets: [{max_cost: [1]}]", r"budgets\[0\].max_cost: Expected"),
        ("fail_on: error\nfail_on: info", "the key 'fail_on' stands twice"),
        ("a: [", "is not YAML"),
        ("[]", "Expected `object`"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(text: str, words: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadInput, match=words) as told:
        load_policy(file)
    assert str(file) in str(told.value)


def test_a_missing_policy_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml cannot be read"):
        load_policy(tmp_path / "none.yaml")


def test_an_empty_policy_is_the_default(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path, "# nothing yet\n")) == Policy()


def test_fail_on_decides(tmp_path: Path) -> None:
    lowered = "overrides: [{rule: plan-*, severity: info}]"
    assert judged(tmp_path, "fail_on: error", found()).failed
    assert not judged(tmp_path, f"fail_on: warning\n{lowered}", found()).failed
    assert judged(tmp_path, f"fail_on: info\n{lowered}", found()).failed


def test_off_is_not_reported(tmp_path: Path) -> None:
    verdict = judged(tmp_path, "overrides: [{relation: shop.ord*, severity: 'off'}]", found())
    assert verdict.decisions == ()


def test_overrides_change_thresholds_where_they_fit(tmp_path: Path) -> None:
    text = """
thresholds: {min_ratio: 2}
overrides:
  - {relation: orders, min_ratio: 3}
  - {relation: orders, rule: plan-regression, min_cost_increase: 10}
"""
    policy = load_policy(written(tmp_path, text))
    orders, other = QualifiedName("shop", "orders"), QualifiedName("shop", "carts")
    limits = policy.limits("plan-regression", orders)
    assert (limits.min_ratio, limits.min_cost_increase) == (3, 10)
    assert policy.limits("plan-regression", other).min_ratio == 2
    assert (
        policy.limits("mass-write", orders).min_cost_increase
        == Policy().thresholds.min_cost_increase
    )


def test_a_waiver_covers_until_its_last_day(tmp_path: Path) -> None:
    waiver = "waivers: [{rule: plan-regression, owner: ada, reason: rebuilt, expires: %s}]"
    verdict = judged(tmp_path, waiver % "2026-03-14", found(), found("mass-write"))
    outcomes = {d.finding.rule: d.outcome for d in verdict.decisions}
    assert outcomes == {"plan-regression": Outcome.WAIVED, "mass-write": Outcome.FAILS}
    assert "ada" in verdict.decisions[1].reason


def test_an_expired_waiver_fails_even_without_a_finding(tmp_path: Path) -> None:
    waiver = "waivers: [{relation: orders, owner: ada, reason: rebuilt, expires: 2026-03-13}]"
    verdict = judged(tmp_path, waiver)
    assert verdict.failed
    assert "expired on 2026-03-13" in verdict.reasons[0]
    assert "ada" in verdict.reasons[0]


def test_what_is_in_the_baseline_is_known() -> None:
    one = found()
    verdict = decide([one], Policy(), [entry_of(one.finding)], TODAY)
    assert [d.outcome for d in verdict.decisions] == [Outcome.KNOWN]


def test_a_renamed_relation_is_followed_where_only_one_can_be_meant() -> None:
    old, new = found(), found(relation="purchases")
    one = decide([new], Policy(), [entry_of(old.finding)], TODAY)
    assert [d.outcome for d in one.decisions] == [Outcome.KNOWN]
    assert "orders" in one.decisions[0].reason
    two = [entry_of(old.finding), entry_of(found(relation="invoices").finding)]
    assert decide([new], Policy(), two, TODAY).failed


def test_the_order_is_of_what_was_found_not_of_how() -> None:
    many = [found(relation=name) for name in ("b", "a", "c")]
    there, back = (decide(o, Policy(), (), TODAY) for o in (many, many[::-1]))
    assert there == back
