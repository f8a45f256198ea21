"""The history of a repository: what must be stopped is stopped, what looks like it is not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from dbtune.gate.baseline import read_baseline, write_baseline
from dbtune.gate.check import check
from dbtune.gate.migrations._script import Script, script
from dbtune.gate.policy import Policy
from dbtune.gate.sides import Base, CheckInput
from dbtune.gate.verdict import Outcome
from dbtune.report.model import Report
from dbtune.report.render import render
from dbtune.rules.model import Rule
from dbtune.snapshot.model import Snapshot
from dbtune.statement.workload_file import parse_workload
from tests.gate.conftest import TODAY

FOLDER = Path(__file__).parent


class PullRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Migrations by file name, statements of its tests, and the rules by which it must fail."""

    name: str
    fails: list[str] = []
    migrations: dict[str, str] = {}
    workload: str = ""

    @property
    def scripts(self) -> tuple[Script, ...]:
        return tuple(script(t, f, in_transaction=False) for f, t in self.migrations.items())


HISTORY = msgspec.convert(
    yaml.safe_load((FOLDER / "pull_requests.yaml").read_text()), list[PullRequest]
)


def asked_of(production: Snapshot, rules: tuple[Rule, ...], one: PullRequest) -> CheckInput:
    arrivals = parse_workload(one.workload, one.name) if one.workload else ()
    return CheckInput(
        base=production, rules=rules, today=TODAY, scripts=one.scripts, arrivals=arrivals
    )


def fails_by(report: Report) -> list[str]:
    return sorted({d.finding.rule for d in report.verdict.failures})


@pytest.mark.parametrize("one", HISTORY, ids=lambda one: one.name.replace(" ", "-"))
def test_pull_request(
    one: PullRequest, production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    report = check(asked_of(production, rules, one), planned=planned)
    assert fails_by(report) == sorted(one.fails)
    assert not [n for n in report.not_examined if "did not run" in n.reason]
    located = [d for d in report.verdict.failures if d.location is None]
    assert not located or not one.migrations or one.workload


def test_the_history_is_long_enough() -> None:
    harmful = [one for one in HISTORY if one.fails]
    assert len(harmful) >= 20
    assert len(HISTORY) - len(harmful) >= 20


def by_name(name: str) -> PullRequest:
    return next(one for one in HISTORY if one.name == name)


def test_repeats_are_the_same_to_the_byte(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    asked = asked_of(production, rules, by_name("drops the index behind the carrier's list"))
    assert render(check(asked), "json") == render(check(asked, planned=planned), "json")


def test_a_failure_says_where_how_to_see_it_and_what_cures_it(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    one = by_name("drops the index of a lookup by reference, hidden behind another change")
    failure = check(asked_of(production, rules, one), planned=planned).verdict.failures[0]
    assert failure.location is not None
    assert (failure.location.file, failure.location.line) == ("0001.sql", 2)
    assert "CREATE INDEX shipment_reference_idx" in failure.cure
    assert "dbtune explain SNAPSHOT --without public.shipment_reference_idx" in failure.reproduce
    assert "new" in failure.reason


def test_a_statement_is_located_by_its_source_tag(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    text = "SELECT id FROM shipment WHERE notes = $1 /*file='app%2Fmodels.py',line='12'*/"
    one = PullRequest("tagged", workload=text)
    failure = check(asked_of(production, rules, one), planned=planned).verdict.failures[0]
    assert failure.location is not None
    assert (failure.location.file, failure.location.line) == ("app/models.py", 12)


def test_a_migration_that_cannot_run_is_named_and_the_others_are_judged(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    one = PullRequest(
        "half",
        migrations={
            "0001.sql": "ALTER TABLE no_such_table ADD COLUMN a integer;",
            "0002.sql": "DROP INDEX shipment_reference_idx;",
        },
    )
    report = check(asked_of(production, rules, one), planned=planned)
    assert fails_by(report) == ["plan-regression"]
    named = [n.what for n in report.not_examined if "no_such_table" in n.reason]
    assert named == ["0001.sql:1"]


def test_what_the_base_has_already_is_passed_over(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    old = "CREATE TABLE setting (key text PRIMARY KEY, value text);\nDROP TABLE setting;"
    report = check(
        asked_of(production, rules, PullRequest("old", migrations={"0001.sql": old})),
        planned=planned,
    )
    assert fails_by(report) == []
    assert any("already" in n.reason for n in report.not_examined)


def test_strict_fails_for_what_was_not_examined(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...]
) -> None:
    one = PullRequest("strict", migrations={"0001.sql": "ALTER TABLE nothing ADD COLUMN a text;"})
    asked = msgspec.structs.replace(one)
    loose = asked_of(production, rules, asked)
    strict = CheckInput(
        base=loose.base, rules=rules, today=TODAY, scripts=loose.scripts, strict=True
    )
    assert not check(loose, planned=planned).verdict.failed
    assert check(strict, planned=planned).verdict.failed


def test_a_baseline_of_the_findings_makes_them_known(
    production: Snapshot, planned: Base, rules: tuple[Rule, ...], tmp_path: Path
) -> None:
    one = by_name("a new statement scans a big table")
    first = check(asked_of(production, rules, one), planned=planned)
    file = tmp_path / "baseline.json"
    file.write_text(write_baseline(first.findings))
    asked = asked_of(production, rules, one)
    again = CheckInput(
        base=asked.base,
        rules=rules,
        today=TODAY,
        arrivals=asked.arrivals,
        baseline=read_baseline(file),
        policy=Policy(),
    )
    outcomes = [d.outcome for d in check(again, planned=planned).verdict.decisions]
    assert outcomes == [Outcome.KNOWN]
