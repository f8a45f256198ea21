"""How many combinations of two columns there are, where the workload counted them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dbtune.identifier import QualifiedName
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.statement.parse import parse
from dbtune.synthesize.unit import Unit

_MOST_STATEMENTS = 2000
_WITHHELD = re.compile(
    r"\b(?:having|limit|fetch|offset|union|intersect|except|rollup|cube)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Groups:
    """Numbers of combinations, by relation and its two columns."""

    counts: Mapping[tuple[QualifiedName, tuple[str, str]], int]

    def of(self, unit: Unit) -> list[tuple[tuple[str, str], int]]:
        return [(pair, n) for (relation, pair), n in self.counts.items() if relation == unit.name]


def groups_of(snapshot: Snapshot) -> Groups:
    """What statements that group a whole relation by two columns returned per call."""
    counts: dict[tuple[QualifiedName, tuple[str, str]], int] = {}
    for statistics in snapshot.statements[:_MOST_STATEMENTS]:
        text = statistics.text
        if not statistics.calls or not statistics.rows or "group by" not in text.lower():
            continue
        parsed = None if _WITHHELD.search(text) else parse(text, snapshot, statistics.search_path)
        if not isinstance(parsed, Statement) or len(parsed.relations) != 1:
            continue
        use = parsed.relations[0]
        if len(use.group_keys) == 2 and not use.quals and not use.in_subquery:
            pair = (use.group_keys[0], use.group_keys[1])
            counts[use.relation, pair] = round(statistics.rows / statistics.calls)
    return Groups(counts)
