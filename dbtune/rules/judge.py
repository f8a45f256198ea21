"""Match × Rule = Finding; and what the findings together recommend."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbtune.advice import Change, CreateIndex, DropIndex, Recommendation
from dbtune.errors import BadInput
from dbtune.finding import Confidence, Finding, Match, Severity, Subject, finding_fingerprint
from dbtune.identifier import QualifiedName
from dbtune.index import is_prefix
from dbtune.rules.model import Rule
from dbtune.snapshot.scope import Scope
from dbtune.workload import Workload


@dataclass(frozen=True)
class Judgement:
    """What the rules found, most important first, and the changes that mend it."""

    findings: tuple[Finding, ...]
    recommendations: tuple[Recommendation, ...]


def judge(
    workload: Workload,
    rules: Sequence[Rule],
    *,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    min_confidence: Confidence = Confidence.CANDIDATE,
    scope: Scope | None = None,
) -> Judgement:
    """Every rule's findings on a workload, and the recommendations behind them.

    Args:
        workload: what to look at; its advice is where priced recommendations come from.
        rules: the rules loaded.
        select: ids of the only rules to apply; empty: all.
        ignore: ids of rules not to apply.
        min_confidence: the least confidence to report, where a rule does not ask for more.
        scope: the relations to report on; None: all.

    Raises:
        BadInput: `select` or `ignore` names no rule.
    """
    judged = _standing(
        [
            _Judged(rule, match, _finding(rule, match, workload))
            for rule in chosen(rules, select=select, ignore=ignore)
            for match in rule.detector.detect(workload, rule.params)
            if match.confidence >= max(rule.min_confidence, min_confidence)
            and (scope is None or _concerns(scope, match.subject))
        ]
    )
    judged.sort(key=lambda j: _rank(j.finding))
    return Judgement(tuple(j.finding for j in judged), tuple(_recommendations(workload, judged)))


def _concerns(scope: Scope, subject: Subject) -> bool:
    return subject.relation is None or scope.wants(subject.relation)


def chosen(
    rules: Sequence[Rule], *, select: Collection[str] = (), ignore: Collection[str] = ()
) -> tuple[Rule, ...]:
    """The rules that `--select` and `--ignore` leave.

    Raises:
        BadInput: a name that is no rule's.
    """
    known = [rule.id for rule in rules]
    for name in (*select, *ignore):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "See: dbtune rules"
            raise BadInput(f"There is no rule {name!r}.", hint)
    return tuple(r for r in rules if (not select or r.id in select) and r.id not in ignore)


@dataclass(frozen=True)
class _Judged:
    rule: Rule
    match: Match[Any]
    finding: Finding

    @property
    def drops(self) -> Iterator[DropIndex]:
        return (c for c in self.match.cures if isinstance(c, DropIndex))


def _standing(judged: Sequence[_Judged]) -> list[_Judged]:
    """Without those that would drop an index because another does its work, which goes too."""
    replaced = {
        name
        for j in judged
        for change in j.match.cures
        if isinstance(change, CreateIndex)
        for name in change.replaces
    }
    going = {d.name for j in judged for d in j.drops if not d.served_by} - replaced
    return [j for j in judged if not any(going & set(drop.served_by) for drop in j.drops)]


def _finding(rule: Rule, match: Match[Any], workload: Workload) -> Finding:
    context = _context(match, workload)
    return Finding(
        rule=rule.id,
        severity=_severity(rule, context),
        confidence=match.confidence,
        subject=match.subject,
        fingerprint=finding_fingerprint(rule.id, match.subject, match.key),
        title=rule.title,
        message=rule.message.render(context),
        evidence=dataclasses.asdict(match.evidence),
        statements=match.statements,
        share=match.share,
    )


def _context(match: Match[Any], workload: Workload) -> Mapping[str, Any]:
    """What templates and conditions see; the names are those of template.COMMON."""
    known = workload.by_fingerprint
    statements = [known[f] for f in match.statements if f in known]
    fields = dataclasses.fields(match.evidence)
    return {
        "subject": match.subject.name,
        "relation": str(match.subject.relation or ""),
        "share": match.share,
        "confidence": match.confidence.word,
        "calls": sum(s.calls for s in statements),
        "statements": tuple(s.text for s in statements),
        **{f.name: getattr(match.evidence, f.name) for f in fields},
    }


def _severity(rule: Rule, context: Mapping[str, Any]) -> Severity:
    """That of the first case that holds, else the rule's own."""
    held = (case.severity for case in rule.severity_cases if case.when.holds(context))
    return next(held, rule.severity)


def _rank(finding: Finding) -> tuple[int, float, str, str, str]:
    return (
        -finding.severity,
        -finding.share,
        finding.rule,
        finding.subject.name,
        finding.fingerprint,
    )


def _recommendations(workload: Workload, judged: Sequence[_Judged]) -> Iterator[Recommendation]:
    """One recommendation per change, in the order of the findings that ask for it first.

    A change that the advisor priced comes with its prices. An index that begins one being
    recommended is not recommended beside it.
    """
    priced = {_identity(r.change): r for r in workload.advice.recommendations}
    asked: dict[QualifiedName, list[CreateIndex]] = {}
    for j in judged:
        for change in j.match.cures:
            if isinstance(change, CreateIndex):
                asked.setdefault(change.spec.relation, []).append(change)
    merged: dict[Hashable, Recommendation] = {}
    for j in judged:
        for cure in j.match.cures:
            wanted = _widest(cure, asked)
            key = _identity(wanted)
            known = merged.get(key) or priced.get(key) or _unpriced(wanted, j)
            merged[key] = _also_mends(known, j)
    yield from merged.values()


def _identity(change: Change) -> Hashable:
    """What makes two changes one: an index is built or dropped once, for whatever reasons."""
    if isinstance(change, CreateIndex):
        return ("create", change.spec)
    return ("drop", change.name) if isinstance(change, DropIndex) else change


def _widest(change: Change, asked: Mapping[QualifiedName, Sequence[CreateIndex]]) -> Change:
    """The change itself, or the longest index asked for that does its work too."""
    if not isinstance(change, CreateIndex):
        return change
    relation = change.spec.relation
    wider = [other for other in asked[relation] if is_prefix(change.spec, other.spec)]
    return max(wider, key=lambda c: (len(c.spec.columns), c.spec.body()), default=change)


def _unpriced(change: Change, j: _Judged) -> Recommendation:
    sure = j.match.confidence is Confidence.PROVEN
    return Recommendation(
        change=change, reason=j.finding.message, verified=j.rule.proof if sure else ""
    )


def _also_mends(recommendation: Recommendation, j: _Judged) -> Recommendation:
    """The recommendation with the rule; what was priced already names the statements it serves."""
    rules = tuple(sorted({*recommendation.rules, j.rule.id}))
    if recommendation.prices:
        return dataclasses.replace(recommendation, rules=rules)
    statements = tuple(dict.fromkeys((*recommendation.statements, *j.match.statements)))
    return dataclasses.replace(recommendation, rules=rules, statements=statements)
