"""Snapshot → Snapshot, with stand-ins for every value of a row and every literal.

Kept: frequencies, n_distinct, widths, correlation, the order of values, which columns share which
values, the month of dates and timestamps, the labels of enums. DDL is not data and is kept:
defaults, checks, predicates, partition bounds, views, functions. CHECK constraints of domains are
left out, since stand-ins would not satisfy them.
"""

from __future__ import annotations

from dataclasses import replace

from dbtune.identifier import QualifiedName
from dbtune.redact.pools import Recorder
from dbtune.redact.statistics import Walk
from dbtune.redact.types import Types
from dbtune.snapshot.catalog import Column
from dbtune.snapshot.model import NotCollected, Snapshot, StatementStatistics
from dbtune.statement.fingerprint import normalize
from dbtune.statement.tokens import tokens


def redact(snapshot: Snapshot) -> Snapshot:
    """The snapshot without a value of any row and without a literal of any statement."""
    if snapshot.redacted:
        return snapshot
    types = Types.of_objects(snapshot.objects)
    recorder = Recorder()
    _walked(snapshot, Walk(types, recorder))
    replacer = recorder.replacer()
    walked = _walked(snapshot, Walk(types, replacer))
    dropped = tuple(
        NotCollected(
            f"values of type {type_name}",
            "Redaction cannot invent values of this type, so common values and histograms of such "
            "columns are left out.",
        )
        for type_name in replacer.types_dropped
    )
    return replace(
        walked,
        objects=tuple(o for o in snapshot.objects if o.kind != "domain constraint"),
        statements=tuple(map(_without_literals, snapshot.statements)),
        not_collected=(*snapshot.not_collected, *dropped),
        redacted=True,
    )


def _walked(snapshot: Snapshot, walk: Walk) -> Snapshot:
    def columns_of(name: QualifiedName, names: tuple[str, ...]) -> list[Column | None]:
        relation = snapshot.relation_by_name.get(name)
        return [relation.column(n) if relation else None for n in names]

    return replace(
        snapshot,
        relations=tuple(map(walk.relation, snapshot.relations)),
        indexes=tuple(map(walk.index, snapshot.indexes)),
        extended_statistics=tuple(
            walk.extended(e, [*columns_of(e.relation, e.columns), *[None for _ in e.expressions]])
            for e in snapshot.extended_statistics
        ),
    )


def _without_literals(statement: StatementStatistics) -> StatementStatistics:
    # A plan repeats the literals of views and of the statement.
    text = normalize(without_comments(statement.text))
    return replace(statement, text=text, target_plan=None)


def without_comments(text: str) -> str:
    """A statement without its comments, which may hold identities, and without a broken end.

    The mark of a squashed list, `$1 /*, ... */`, stays: PostgreSQL 18 writes it.
    """
    parts: list[str] = []
    position = 0
    for token in tokens(text, comments=True):
        if token.kind == "broken" or (token.kind == "comment" and token.text != "/*, ... */"):
            parts += (text[position : token.start], " ")
            position = token.end
    return "".join((*parts, text[position:])).strip()
