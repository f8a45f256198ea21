"""The sentences of a rule: sandboxed Jinja templates over evidence, checked before they are used.

A template sees the fields of the detector's evidence, and `subject` (the text for people),
`relation`, `share` (0 to 1), `confidence` (a word), `calls` (of the statements concerned) and
`statements` (their texts). Evidence fields must not take these names.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dbtune.statement.label import without_select_list
from dbtune.typeset.figures import (
    bytes_text,
    count_text,
    ms_text,
    number_of,
    percent_text,
    times_text,
)
from dbtune.typeset.foreign import one_line

COMMON: Mapping[str, Any] = {
    "subject": "subject",
    "relation": "relation",
    "share": 0.5,
    "confidence": "proven",
    "calls": 2,
    "statements": ("SELECT $1",),
}
"""What every template sees beside the evidence, with a sample of each for the check."""

_STATEMENT_CHARS = 100


class BadTemplate(ValueError):
    """A template that cannot be compiled, or that asks for what its evidence does not hold."""


def listed(values: Sequence[object]) -> str:
    """Several things as a reader lists them: a, b and c."""
    words = [str(v) for v in values]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shortened(text: str) -> str:
    """A statement on one line, cut where it gets long; first to go is a long select list."""
    if len(text) > _STATEMENT_CHARS:
        text = without_select_list(text, 0)
    return one_line(text, _STATEMENT_CHARS)


def counted(value: float, singular: str, plural: str = "") -> str:
    """A number with its noun: 1 row, 2 rows."""
    return number_of(round(value), singular, plural)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    builtin = environment.filters
    environment.filters = {
        **{name: builtin[name] for name in ("first", "join", "length", "round")},
        "count": count_text,
        "counted": counted,
        "listed": listed,
        "ms": ms_text,
        "percent": percent_text,
        "shortened": shortened,
        "size": bytes_text,
        "times": times_text,
    }
    return environment


_ENVIRONMENT = _environment()


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with placeholders, compiled and checked against one kind of evidence."""

    source: str
    compiled: Any = dataclasses.field(repr=False, compare=False)

    def render(self, context: Mapping[str, Any]) -> str:
        """The sentence, on one line per paragraph of the source."""
        paragraphs = str(self.compiled.render(context)).strip().split("\n\n")
        return "\n\n".join(" ".join(p.split()) for p in paragraphs)


@dataclass(frozen=True, slots=True)
class Condition:
    """A Jinja expression that is true or false of a match."""

    source: str
    compiled: Any = dataclasses.field(repr=False, compare=False)

    def holds(self, context: Mapping[str, Any]) -> bool:
        return bool(self.compiled(**context))


def compile_template(source: str, evidence: type[Any]) -> Template:
    """A template over `evidence`.

    Raises:
        BadTemplate: a syntax error, an unknown filter, or a placeholder that evidence lacks.
    """
    try:
        template = Template(source, _ENVIRONMENT.from_string(source))
        _check_names(source, evidence)
        for sample in samples(evidence):
            template.render(sample)
    except (TemplateError, TypeError, ValueError, OverflowError) as error:
        raise BadTemplate(str(error)) from error
    return template


def compile_condition(source: str, evidence: type[Any]) -> Condition:
    """A condition over `evidence`.

    Raises:
        BadTemplate: a syntax error, an unknown filter, or a name that evidence lacks.
    """
    try:
        condition = Condition(
            source, _ENVIRONMENT.compile_expression(source, undefined_to_none=False)
        )
        _check_names("{{ " + source + " }}", evidence)
        for sample in samples(evidence):
            condition.holds(sample)
    except (TemplateError, TypeError, ValueError, OverflowError) as error:
        raise BadTemplate(str(error)) from error
    return condition


def _check_names(source: str, evidence: type[Any]) -> None:
    known = {*COMMON, *(f.name for f in dataclasses.fields(evidence))}
    for name in sorted(meta.find_undeclared_variables(_ENVIRONMENT.parse(source)) - known):
        raise BadTemplate(f"there is no {name!r}; there are {', '.join(sorted(known))}")


def samples(evidence: type[Any]) -> Iterator[Mapping[str, Any]]:
    """Two made-up contexts of the evidence's types: everything present, and everything absent."""
    for present in (True, False):
        yield {**COMMON, **_sample_fields(evidence, present)}


def _sample_fields(kind: type[Any], present: bool) -> dict[str, Any]:
    return {name: _sample(hint, present) for name, hint in get_type_hints(kind).items()}


def _sample(hint: Any, present: bool) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return get_args(hint)[0]
    if origin in (Union, types.UnionType):
        kinds = [a for a in get_args(hint) if a is not type(None)]
        return _sample(kinds[0], present) if present or len(kinds) == len(get_args(hint)) else None
    if origin is tuple:
        return (_sample(get_args(hint)[0], present),) * 2 if present else ()
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return hint(**_sample_fields(hint, present))
    return {int: 2, float: 0.5, bool: present, str: "text" if present else ""}[hint]
