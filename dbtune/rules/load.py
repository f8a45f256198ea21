"""Rule files to Rules; every mistake in a file is told here, with the file and the key."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from dbtune.detectors import Detector, detectors
from dbtune.errors import BadInput
from dbtune.files import why_unread
from dbtune.finding import Confidence, Severity
from dbtune.resources import rules_dir
from dbtune.rules.model import Rule, SeverityCase, Threshold
from dbtune.rules.template import BadTemplate, compile_condition, compile_template

SeverityWord = Literal["info", "warning", "error"]
ConfidenceWord = Literal["candidate", "likely", "proven"]


class _Threshold(msgspec.Struct, forbid_unknown_fields=True):
    value: Any
    because: str


class _SeverityCase(msgspec.Struct, forbid_unknown_fields=True):
    severity: SeverityWord
    when: str
    because: str


class _RuleFile(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of a rule file; what has no default must be there."""

    id: str
    detector: str
    title: str
    severity: SeverityWord
    message: str
    why: str
    example: str
    cure: str
    params: dict[str, _Threshold] = {}
    severity_when: list[_SeverityCase] = []
    min_confidence: ConfidenceWord = "likely"
    proof: str = ""
    references: list[str] = []


def load_rules(extra: Path | None = None) -> tuple[Rule, ...]:
    """The rules that ship with dbtune and those of a folder of the user's, by id.

    Raises:
        BadInput: a file cannot be read or is no rule, or two files have one id.
    """
    folders = [rules_dir(), *([extra] if extra else [])]
    rules: dict[str, Rule] = {}
    for file in (file for folder in folders for file in _rule_files(folder)):
        rule = load_rule(file)
        if rule.id in rules:
            raise BadInput(
                f"{file}: id: {rule.id!r} is already the rule of {rules[rule.id].file}.",
                "Give the file and its id another name; --ignore leaves the shipped rule out.",
            )
        rules[rule.id] = rule
    return tuple(rules[key] for key in sorted(rules))


def _rule_files(folder: Path) -> Sequence[Path]:
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder of rule files.", "Give a folder with *.yaml.")
    return sorted(f for f in folder.iterdir() if f.suffix in {".yaml", ".yml"})


def load_rule(file: Path) -> Rule:
    """The rule of one file.

    Raises:
        BadInput: naming the file, the key, and what is wrong with it.
    """
    raw = _read(file)
    if raw.id != file.stem:
        raise _bad(file, "id", f"{raw.id!r} is not the file's name {file.stem!r}")
    detector = detectors().get(raw.detector)
    if detector is None:
        known = ", ".join(detectors())
        raise _bad(file, "detector", f"there is no detector {raw.detector!r}; there are {known}")
    return Rule(
        id=raw.id,
        file=file,
        detector=detector,
        title=raw.title.strip(),
        severity=Severity[raw.severity.upper()],
        severity_cases=tuple(
            _severity_case(file, number, case, detector)
            for number, case in enumerate(raw.severity_when)
        ),
        min_confidence=Confidence[raw.min_confidence.upper()],
        params=_params(file, raw, detector),
        thresholds=tuple(Threshold(n, t.value, t.because) for n, t in raw.params.items()),
        message=_template(file, "message", raw.message, detector),
        why=raw.why.strip(),
        example=raw.example.strip(),
        cure=raw.cure.strip(),
        proof=raw.proof.strip(),
        references=tuple(raw.references),
    )


def _bad(file: Path, key: str, what: str) -> BadInput:
    return BadInput(f"{file}: {key}: {what}.", "See: dbtune rules show unused-index")


class UniqueKeyLoader(yaml.CSafeLoader):
    """A safe loader that refuses a key given twice, which YAML readers otherwise pass over."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _read(file: Path) -> _RuleFile:
    try:
        loaded = yaml.load(file.read_text(encoding="utf-8"), UniqueKeyLoader)
        return msgspec.convert(loaded, _RuleFile)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {why_unread(error)}.") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{file} is not YAML: {' '.join(str(error).split())}.") from error
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise _bad(file, where.strip(".`") or "the file", what) from error


def _params(file: Path, raw: _RuleFile, detector: Detector) -> Any:
    """The detector's Params from the thresholds given, all of them and no other."""
    fields = {f.name for f in dataclasses.fields(detector.params)}
    for name in raw.params:
        if name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            what = f"the detector {detector.name} has no such parameter; it has {known}"
            raise _bad(file, f"params.{name}", what)
    for name in sorted(fields - raw.params.keys()):
        what = f"the detector {detector.name} needs this parameter, with value and because"
        raise _bad(file, f"params.{name}", what)
    values = {name: threshold.value for name, threshold in raw.params.items()}
    try:
        return msgspec.convert(values, detector.params)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise _bad(file, f"params.{where.strip('`')}.value", what) from error


def _severity_case(
    file: Path, number: int, case: _SeverityCase, detector: Detector
) -> SeverityCase:
    try:
        when = compile_condition(case.when, detector.evidence)
    except BadTemplate as error:
        raise _bad(file, f"severity_when[{number}].when", str(error)) from error
    return SeverityCase(Severity[case.severity.upper()], when, case.because)


def _template(file: Path, key: str, source: str, detector: Detector) -> Any:
    try:
        return compile_template(source, detector.evidence)
    except BadTemplate as error:
        raise _bad(file, key, str(error)) from error
