"""Two plans of one statement side by side: what stays, what goes, what comes. For people."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from dbtune.plan import Plan
from dbtune.plan_text import plan_text

Mark = Literal[" ", "-", "+"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of either plan: in both (" "), only before ("-"), or only after ("+")."""

    mark: Mark
    text: str


def plan_diff(before: Plan, after: Plan) -> tuple[DiffLine, ...]:
    """The lines of both plans, merged.

    Nodes are the same when they read the same without their figures; a line that stays carries
    the figures of the later plan.
    """
    old, new = plan_text(before).split("\n"), plan_text(after).split("\n")
    matcher = SequenceMatcher(None, _bare(old), _bare(new), autojunk=False)
    lines: list[DiffLine] = []
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            lines += [DiffLine(" ", text) for text in new[new_start:new_end]]
        else:
            lines += [DiffLine("-", text) for text in old[old_start:old_end]]
            lines += [DiffLine("+", text) for text in new[new_start:new_end]]
    return tuple(lines)


def _bare(lines: list[str]) -> list[str]:
    return [line.partition("  (cost ")[0] for line in lines]
