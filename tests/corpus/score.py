"""Findings against labels: what was found, what was missed, where a wolf was cried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import psycopg

from dbtune.finding import Finding
from dbtune.statement.fingerprint import fingerprint
from dbtune.statement.outline import outline
from tests.corpus.views import View

_TEXTS = """
SELECT query FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND toplevel
"""


@dataclass(frozen=True)
class Score:
    """Pairs of view and (rule, relation) expected and found; findings that no view explains."""

    expected: frozenset[tuple[str, str, str]]
    found: frozenset[tuple[str, str, str]]
    right: int
    wrong: tuple[Finding, ...]

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        return len(self.found) / max(1, len(self.expected))

    @property
    def missed(self) -> list[tuple[str, str, str]]:
        return sorted(self.expected - self.found)


def fingerprints(views: Sequence[View], library: str) -> dict[str, frozenset[str]]:
    """The statements that each view sends, told by the server when it runs alone."""
    sent: dict[str, frozenset[str]] = {}
    with psycopg.connect(library, autocommit=True) as connection:
        for view in views:
            texts: set[str] = set()
            for seed in range(2):
                connection.execute("SELECT pg_stat_statements_reset()")
                view.run(Random(seed))
                texts.update(text for (text,) in connection.execute(_TEXTS))
            sent[view.label] = frozenset(map(fingerprint, texts))
    return sent


def score(
    findings: Sequence[Finding],
    views: Sequence[View],
    sent: Mapping[str, frozenset[str]],
    rules: frozenset[str],
) -> Score:
    """Compare the findings of some rules with the labels of the views."""
    expected = {(v.label, rule, name) for v in views for rule, name in v.expected if rule in rules}
    found: set[tuple[str, str, str]] = set()
    wrong = []
    right = 0
    for finding in findings:
        child = str(finding.evidence["child_query"])
        name, identity = outline(child).relations[0], fingerprint(child)
        explained = {
            (label, rule, relation)
            for label, rule, relation in expected
            if (rule, relation) == (finding.rule, name) and identity in sent[label]
        }
        found |= explained
        if explained:
            right += 1
        else:
            wrong.append(finding)
    return Score(frozenset(expected), frozenset(found), right, tuple(wrong))
