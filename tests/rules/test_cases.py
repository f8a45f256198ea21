"""Every rule on a real server: what it finds, what it leaves alone, and that its cure cures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from dbtune.finding import Finding
from dbtune.migration import write_migration
from tests.conftest import TestServer
from tests.rules.harness import Case, Expected, cases, judged, migrate, run, snapshot_of, traffic_of

CASES = [pytest.param(rule, case, id=f"{rule}: {case.name}") for rule, case in cases()]


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_case(
    rule: str,
    case: Case,
    server: TestServer,
    make_database: Callable[..., str],
    tmp_path: Path,
) -> None:
    if str(server.major) not in SpecifierSet(case.pg.replace(" ", "")):
        pytest.skip(f"a story of PostgreSQL {case.pg}, this is {server.major}")
    dsn = make_database()
    run(dsn, case.setup)
    run(dsn, case.traffic)
    before = snapshot_of(dsn, case)
    judgement = judged(before, rule, traffic_of(case, tmp_path))
    assert_found(judgement.findings, case.finds)
    known = {r.name.name for r in before.relations} | {i.name.name for i in before.indexes}
    for silent in case.silent:
        assert silent.subject.strip('"') in known, f"the story has no {silent.subject}"
        assert silent.because
    migration = write_migration(judgement.recommendations, before)
    assert migration.is_empty == (not any(e.cured for e in case.finds))
    if migration.is_empty:
        return
    migrate(dsn, migration.up_steps)
    cured = judged(snapshot_of(dsn, case), rule)
    assert_found(cured.findings, [e for e in case.finds if not e.cured])
    migrate(dsn, migration.down_steps)
    again = judged(snapshot_of(dsn, case), rule)
    assert subjects(again.findings) == subjects(
        judgement.findings if case.reverts else cured.findings
    )


def subjects(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.subject.name for finding in findings}


def assert_found(findings: tuple[Finding, ...], expected: list[Expected]) -> None:
    """Exactly the expected findings, each with what is expected of it."""
    told = {f.subject.name: f for f in findings}
    assert set(told) == {e.subject for e in expected}
    for wanted in expected:
        finding = told[wanted.subject]
        assert wanted.severity in ("", finding.severity.word), finding.message
        assert wanted.confidence in ("", finding.confidence.word), finding.message
        assert wanted.says in finding.message
