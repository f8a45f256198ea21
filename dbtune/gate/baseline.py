"""Baseline: the findings that a team knows of, in a file that a diff can be read from.

Entries hold names and texts, never an oid or a query id, so that the file stays the same when
nothing that matters changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from dbtune.errors import BadInput
from dbtune.files import why_unread
from dbtune.finding import Finding

BASELINE_SCHEMA = 1


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """One known finding. `statements` are fingerprints of normalized texts."""

    rule: str
    subject: str
    fingerprint: str
    relation: str | None = None
    columns: tuple[str, ...] = ()
    index: str | None = None
    statements: tuple[str, ...] = ()


class _Baseline(msgspec.Struct, forbid_unknown_fields=True):
    schema: int
    findings: list[Entry]


def entry_of(finding: Finding) -> Entry:
    subject = finding.subject
    return Entry(
        rule=finding.rule,
        subject=subject.name,
        fingerprint=finding.fingerprint,
        relation=subject.relation.sql if subject.relation else None,
        columns=subject.columns,
        index=subject.index.sql if subject.index else None,
        statements=tuple(sorted(finding.statements)),
    )


def write_baseline(findings: Iterable[Finding]) -> str:
    """The baseline file's text: one finding a line, sorted."""
    entries = sorted({entry_of(f) for f in findings}, key=lambda e: (e.rule, e.subject, e))
    lines = ",\n".join("    " + json.dumps(msgspec.to_builtins(e)) for e in entries)
    body = f"[\n{lines}\n  ]" if entries else "[]"
    return f'{{\n  "schema": {BASELINE_SCHEMA},\n  "findings": {body}\n}}\n'


def read_baseline(file: Path) -> tuple[Entry, ...]:
    """The entries of a baseline file.

    Raises:
        BadInput: it cannot be read, is no baseline, or is of a newer dbtune.
    """
    remedy = "Write a new one with: dbtune baseline"
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        schema = raw.get("schema") if isinstance(raw, dict) else None
        if isinstance(schema, int) and schema > BASELINE_SCHEMA:
            what = f"The baseline {file} has schema {schema}; this dbtune reads {BASELINE_SCHEMA}."
            raise BadInput(what, "Use the dbtune that wrote it, or a newer one.")
        return tuple(msgspec.convert(raw, _Baseline).findings)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The baseline {file} cannot be read: {why_unread(error)}.", remedy
        ) from error
    except (ValueError, msgspec.ValidationError) as error:
        raise BadInput(f"{file} is not a baseline: {error}.", remedy) from error


def known(findings: Sequence[Finding], entries: Sequence[Entry]) -> dict[str, Entry]:
    """The findings (by fingerprint) that the baseline holds, with their entries.

    A finding whose relation or index was renamed is told by what else it says, where only one
    entry without a finding of its own, and only one such finding, say the same.
    """
    by_fingerprint = {e.fingerprint: e for e in entries}
    found = {
        f.fingerprint: by_fingerprint[f.fingerprint]
        for f in findings
        if f.fingerprint in by_fingerprint
    }
    left_entries = [e for e in entries if e.fingerprint not in found]
    left = [f for f in findings if f.fingerprint not in found]
    for finding in left:
        mine = entry_of(finding)
        candidates = [e for e in left_entries if _renamed(e, mine)]
        rivals = [f for f in left if candidates and _renamed(candidates[0], entry_of(f))]
        if len(candidates) == 1 and rivals == [finding]:
            found[finding.fingerprint] = candidates[0]
    return found


def _renamed(entry: Entry, other: Entry) -> bool:
    """True if two entries differ in one name only: the relation's, the index's or a column's."""
    if entry.rule != other.rule or len(entry.columns) != len(other.columns):
        return False
    differing = (
        (entry.relation != other.relation)
        + (_alone(entry.index) != _alone(other.index))
        + sum(a != b for a, b in zip(entry.columns, other.columns, strict=True))
    )
    return differing == 1


def _alone(index: str | None) -> str | None:
    """The index without its schema."""
    return index.rpartition(".")[2] if index else None
