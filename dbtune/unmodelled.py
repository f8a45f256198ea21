"""What the twin lacks, in the words of a report: with its weight, and what else can be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dbtune.identifier import QualifiedName
from dbtune.twin.model import NotModelled
from dbtune.typeset.figures import percent_text
from dbtune.workload import NotExamined, Workload

_ELSEWHERE = (
    "dbtune analyze TARGET --engine hypopg prices it on the live server, where the extension "
    "hypopg is installed."
)
_ABSENT_KINDS = ("extension ", "type ", "function ", "operator ", "table ", "view ")


def told(lacking: Sequence[NotModelled], workload: Workload) -> tuple[NotExamined, ...]:
    """What the twin lacks; where relations are concerned, with the share of their statements.

    The share stands in words: statements that could not be planned are counted as themselves, and
    the others were planned.
    """
    return tuple(
        NotExamined(n.what, f"twin: {n.why}{_weight(n, workload)}", remedy=n.remedy)
        for n in lacking
    )


def with_remedies(
    skipped: Sequence[NotExamined], lacking: Sequence[NotModelled]
) -> tuple[NotExamined, ...]:
    """Statements that want what only the twin lacks, with the engine that can plan them."""
    return tuple(
        replace(n, remedy=_ELSEWHERE)
        if n.reason.startswith("not planned: ") and absent(lacking, n.reason)
        else n
        for n in skipped
    )


def absent(lacking: Sequence[NotModelled], reason: str) -> tuple[NotModelled, ...]:
    """What may be the cause of a plan's failing for this reason: an object that is not there."""
    if "does not exist" not in reason:
        return ()
    return tuple(n for n in lacking if n.what.startswith(_ABSENT_KINDS))


def _weight(note: NotModelled, workload: Workload) -> str:
    relations = set(_relations(note, workload))
    if not relations:
        return ""
    on_them = {s.fingerprint: s.share for r in relations for s, _ in workload.uses_of(r)}
    share = sum(on_them[fingerprint] for fingerprint in sorted(on_them))
    return f"; statements on {_named(relations)} hold {percent_text(share)} of the workload"


def _relations(note: NotModelled, workload: Workload) -> Iterator[QualifiedName]:
    """The relation concerned; of a type, the relations with a column of it."""
    if note.relation:
        yield note.relation
    if note.what.startswith("type "):
        name = note.what.removeprefix("type ")
        for relation in workload.snapshot.relations:
            if any(_bare_type(c.type) == name for c in relation.columns):
                yield relation.name


def _bare_type(text: str) -> str:
    return text.removesuffix("[]").partition("(")[0]


def _named(relations: set[QualifiedName]) -> str:
    return str(*relations) if len(relations) == 1 else f"{len(relations)} relations"
