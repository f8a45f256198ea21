"""Judging: severities, order, what is withheld, and how cures become recommendations."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbtune.advice import Advice, CreateIndex, DropIndex, Price, Recommendation
from dbtune.detectors import Detector
from dbtune.finding import Confidence, Match, Severity, Subject
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.rules.judge import Judgement, judge
from dbtune.rules.load import load_rule
from dbtune.rules.model import Rule
from dbtune.rules.template import shortened
from dbtune.snapshot.model import Server, Snapshot
from dbtune.snapshot.scope import Scope
from dbtune.workload import Workload

RELATION = QualifiedName("public", "crate")


@dataclasses.dataclass(frozen=True)
class NoParams:
    pass


@dataclasses.dataclass(frozen=True)
class Weight:
    weight: int


def workload(advice: Advice | None = None) -> Workload:
    server = Server(180000, "db", "UTF8", "C", "C", "c", False, None, None)
    snapshot = Snapshot("0", "2030-01-01T00:00:00Z", server, {}, (), (), (), ())
    return Workload(snapshot, (), advice or Advice())


def match(
    name: str, *cures: Any, weight: int = 1, share: float = 0.0, **more: Any
) -> Match[Weight]:
    confidence = more.pop("confidence", Confidence.PROVEN)
    subject = Subject(name, RELATION)
    return Match(subject, Weight(weight), confidence, share=share, cures=cures, key=name, **more)


@pytest.fixture
def make_rule(tmp_path: Path) -> Callable[..., Rule]:
    """A rule over matches that are given, made from a file like any other."""

    def make(rule_id: str, *matches: Match[Weight], **keys: Any) -> Rule:
        content = {
            "id": rule_id, "detector": "invalid-index", "title": "t", "severity": "warning",
            "message": "{{ subject }}", "why": "w", "example": "e", "cure": "c", "proof": "seen",
        }  # fmt: skip
        file = tmp_path / f"{rule_id}.yaml"
        file.write_text(yaml.safe_dump(content))

        def detect(_workload: Workload, _params: Any) -> Iterator[Match[Any]]:
            yield from matches

        detector = Detector("given", "", NoParams, Weight, detect)
        return dataclasses.replace(load_rule(file), detector=detector, **keys)

    return make


def drop(name: str, *served_by: str) -> DropIndex:
    names = tuple(QualifiedName("public", n) for n in served_by)
    return DropIndex(QualifiedName("public", name), RELATION, f"CREATE INDEX {name} …", names)


def create(*columns: str, replaces: tuple[str, ...] = ()) -> CreateIndex:
    spec = IndexSpec(RELATION, tuple(map(column_key, columns)))
    return CreateIndex(spec, tuple(QualifiedName("public", n) for n in replaces))


def test_findings_stand_by_severity_share_rule_and_subject(
    make_rule: Callable[..., Rule],
) -> None:
    matches = [match("b"), match("a"), match("c", share=0.5)]
    random.Random(7).shuffle(matches)
    grave = make_rule("grave", match("z"), severity=Severity.ERROR)
    mild = make_rule("mild", *matches)
    other = make_rule("also-mild", match("d"))
    found = judge(workload(), [mild, grave, other]).findings
    assert [f.subject.name for f in found] == ["z", "c", "d", "a", "b"]


def test_equal_subjects_with_other_keys_have_other_fingerprints(
    make_rule: Callable[..., Rule],
) -> None:
    same = [dataclasses.replace(match("a"), key=key) for key in ("one", "two")]
    found = judge(workload(), [make_rule("r", *same), make_rule("s", *same)]).findings
    assert len({f.fingerprint for f in found}) == 4


def test_what_is_less_sure_than_the_rule_or_the_reader_asks_is_withheld(
    make_rule: Callable[..., Rule],
) -> None:
    levels = [match(c.word, confidence=c) for c in Confidence]
    rule = make_rule("r", *levels)
    assert {f.subject.name for f in judge(workload(), [rule]).findings} == {"likely", "proven"}
    sure = judge(workload(), [rule], min_confidence=Confidence.PROVEN).findings
    assert {f.subject.name for f in sure} == {"proven"}


def test_what_is_out_of_scope_is_not_told(make_rule: Callable[..., Rule]) -> None:
    rule = make_rule("r", match("a", drop("a")))
    assert judge(workload(), [rule], scope=Scope(exclude=("public.cr*",))) == Judgement((), ())
    assert judge(workload(), [rule], scope=Scope(schemas=("public",))).findings


def test_an_index_does_not_go_for_the_sake_of_one_that_goes(
    make_rule: Callable[..., Rule],
) -> None:
    unused = make_rule("unused", match("long", drop("long")))
    redundant = make_rule("redundant", match("short", drop("short", "long")))
    both = judge(workload(), [redundant, unused])
    assert [f.subject.name for f in both.findings] == ["long"]
    assert [r.change for r in both.recommendations] == [drop("long")]
    alone = judge(workload(), [redundant, unused], ignore=["unused"])
    assert [r.change for r in alone.recommendations] == [drop("short", "long")]


def test_an_index_goes_once_for_whatever_reasons(make_rule: Callable[..., Rule]) -> None:
    rules = [
        make_rule("unused", match("i", drop("i"))),
        make_rule("flat", match("i", drop("i"))),
    ]
    (only,) = judge(workload(), rules).recommendations
    assert only.rules == ("flat", "unused")
    assert only.verified == "seen"


def test_a_cure_that_the_advisor_priced_comes_with_its_price(
    make_rule: Callable[..., Rule],
) -> None:
    price = Price("s1", 9, 1.0, 100.0, 1.0, "twin")
    advised = Recommendation(create("a", "b"), "serves s1", (price,), statements=("s1",))
    rules = [
        make_rule("fk", match("a", create("a"))),
        make_rule("seq", match("b", create("a", "b"))),
    ]
    (only,) = judge(workload(Advice((advised,))), rules).recommendations
    assert only == dataclasses.replace(advised, rules=("fk", "seq"))


def test_an_unpriced_cure_is_verified_only_by_what_is_proven(
    make_rule: Callable[..., Rule],
) -> None:
    rule = make_rule(
        "r", match("a", create("a"), confidence=Confidence.LIKELY), match("b", create("b"))
    )
    made = judge(workload(), [rule]).recommendations
    assert [(r.change, r.is_verified) for r in made] == [(create("a"), False), (create("b"), True)]


def test_what_a_new_index_replaces_still_may_serve_another_that_goes(
    make_rule: Callable[..., Rule],
) -> None:
    bigger = create("a", "b", "c", replaces=("ab",))
    rules = [
        make_rule("missing", match("abc", bigger, drop("ab"))),
        make_rule("redundant", match("a", drop("a", "ab"))),
    ]
    made = judge(workload(), rules).recommendations
    assert {r.change for r in made} == {bigger, drop("ab"), drop("a", "ab")}


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("SELECT 1", "SELECT 1"),
        (
            f"SELECT {', '.join('column_' + c for c in 'abcdefghijkl')} FROM t WHERE a = $1",
            "SELECT … FROM t WHERE a = $1",
        ),
        (
            f"SELECT (SELECT max(x) FROM u), ' from ', \"from\" {'+ 1' * 40} FROM t",
            "SELECT … FROM t",
        ),
        ("UPDATE t SET a = 1\n WHERE\tb = 2", "UPDATE t SET a = 1 WHERE b = 2"),
    ],
)
def test_statements_are_shortened_where_they_say_least(text: str, short: str) -> None:
    assert shortened(text) == short
