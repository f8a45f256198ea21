"""Facts, and what an OR of them says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbtune.statement.model import JoinClause, OperandKind, Qual
from dbtune.statement.operators import FLIPPED, KINDS


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a predicate says: a qual of one use, or a join clause."""

    use: int = -1
    qual: Qual | None = None
    clause: JoinClause | None = None


def either(branches: list[list[Fact]]) -> list[Fact]:
    """An OR: what all branches imply together, then their members, marked."""
    if len(branches) == 1:
        return branches[0]
    implied = [f for f in _implied(branches) if f.qual]
    keys = {_key(f) for f in implied}
    shared = set(branches[0]).intersection(*branches[1:]) if branches else set()
    kept = [f for f in branches[0] if f in shared and (f.clause or _key(f) not in keys)]
    members: dict[Fact, None] = {}
    for number, branch in enumerate(branches):
        for member in (m for f in branch if f not in shared for m in _as_quals(f, number)):
            if _key(member) not in keys:
                members.setdefault(member)
    return [*implied, *kept, *members]


def _key(fact: Fact) -> tuple[int, str, str | None]:
    assert fact.qual is not None
    return fact.use, fact.qual.column, fact.qual.expression


def _as_quals(fact: Fact, branch: int) -> list[Fact]:
    """A member of an OR: alone it restricts nothing."""
    if fact.qual:
        return [Fact(fact.use, replace(fact.qual, in_or=True, branch=branch))]
    if not fact.clause:
        return []
    clause = fact.clause
    kind = KINDS.get(clause.operator, "other")
    flipped = FLIPPED.get(clause.operator, clause.operator)
    left = Qual(clause.left_column, kind, clause.operator, "column", in_or=True, branch=branch)
    right = Qual(clause.right_column, kind, flipped, "column", in_or=True, branch=branch)
    return [Fact(clause.left, left), Fact(clause.right, right)]


def _implied(branches: Sequence[Sequence[Fact]]) -> list[Fact]:
    """Quals that hold whichever branch does: `a = 1 OR a = 2` is an IN, keyset pages a range."""
    found: list[Fact] = []
    plain = [[f for f in b if f.qual and not f.qual.in_or] for b in branches]
    for key in dict.fromkeys(_key(f) for f in plain[0]):
        per_branch = [next((f.qual for f in b if _key(f) == key), None) for b in plain]
        quals = [q for q in per_branch if q]
        if len(quals) < len(branches):
            continue
        first = quals[0]
        operands = {q.operand for q in quals}
        operand: OperandKind = operands.pop() if len(operands) == 1 else "expression"
        if all(q == first for q in quals):
            found.append(Fact(key[0], first))
        elif all(q.kind in ("equal", "in") for q in quals):
            value = ", ".join(q.value or "" for q in quals) if operand == "constant" else None
            joined = replace(first, kind="in", operator="IN", operand=operand, value=value, row=())
            found.append(Fact(key[0], joined))
        else:
            directions = {q.operator[0] for q in quals if q.kind == "range"}
            orderly = all(q.kind in ("equal", "in", "range") for q in quals)
            if orderly and len(directions) == 1:
                operator = directions.pop() + "="
                ranged = replace(
                    first, kind="range", operator=operator, operand=operand, value=None, row=()
                )
                found.append(Fact(key[0], ranged))
    return found
