"""Demand: one appearance of a relation in one statement, and what is known of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dbtune.advisor.frequency import frequency_of
from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import Column, ColumnStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Qual, RelationUse, Statement
from dbtune.workload import Workload

_MAX_ALTERNATIVES = 12
_SELECTIVE = 0.3
_TELL_APART = frozenset({"lower", "upper", "btrim", "ltrim", "rtrim"})
"""Functions that leave nearly as many values as there were: addresses are told apart by them."""
_KEY_KINDS = frozenset({"equal", "in", "is_null", "boolean"})


@dataclass(frozen=True)
class Demand:
    """What one use of a relation asks of its indexes.

    `joins` holds, for each relation joined with by equality, the columns compared. `rank` orders
    equality columns: those that more of the workload compares come first, so that statements share
    the beginnings of their indexes.
    """

    relation: Relation
    use: RelationUse
    joins: tuple[tuple[str, ...], ...]
    rank: Mapping[str, float]
    snapshot: Snapshot

    def statistics(self, column: Column) -> ColumnStatistics | None:
        return column.statistics_for(inherited=self.relation.kind == "p") or (
            column.statistics_for()
        )

    @property
    def rows(self) -> float:
        """Rows of the relation, 0 where never analysed."""
        return max(self.relation.reltuples, 0.0)

    def n_distinct(self, name: str) -> float:
        """Distinct values of a column; a guess of the planner's (200) where unknown."""
        column = self.relation.column(name)
        statistics = self.statistics(column) if column else None
        if statistics is None or not statistics.n_distinct:
            return 200.0
        count = statistics.n_distinct
        return count if count > 0 else -count * self.rows

    def width(self, name: str) -> float:
        """Average bytes of a column."""
        column = self.relation.column(name)
        if column is None:
            return 32.0
        if column.type_length > 0:
            return float(column.type_length)
        statistics = self.statistics(column)
        return float(statistics.avg_width) if statistics else 32.0

    def selectivity(self, qual: Qual) -> float:
        """About which part of the rows an equality lets in."""
        column = self.relation.column(qual.column)
        statistics = self.statistics(column) if column else None
        if qual.expression or statistics is None:
            return 0.0
        if qual.kind == "is_null":
            return statistics.null_frac
        frequency = frequency_of(statistics, qual)
        if frequency is not None:
            return frequency
        if qual.kind == "boolean":
            return 0.5
        return 1.0 / max(self.n_distinct(qual.column), 1.0)

    def may_rule_out_most(self, qual: Qual) -> bool:
        """True if an equality can rule out most rows: for all that is known, or by a rare value.

        A value that is not told may be the rarest: queues ask for what is still to be done.
        """
        least = self.selectivity(qual)
        column = self.relation.column(qual.column)
        statistics = self.statistics(column) if column else None
        if qual.operand != "constant" and qual.expression is None and statistics:
            least = min((least, *(statistics.most_common_freqs or ())))
        return least < _SELECTIVE

    @property
    def rows_wanted(self) -> float:
        """About how many rows the equalities with values let in, were columns independent."""
        rows = self.rows
        for qual in self.quals():
            if not is_equality(qual) or qual.kind == "in":
                continue
            if qual.expression is None:
                rows *= self.selectivity(qual)
            elif qual.function in _TELL_APART:
                rows /= max(self.n_distinct(qual.column), 1.0)
        return rows

    def equality_rank(self, name: str) -> tuple[float, float, int]:
        """Sort key of equality columns, best first."""
        column = self.relation.column(name)
        return (-self.rank.get(name, 0.0), -self.n_distinct(name), column.number if column else 0)

    def quals(self) -> tuple[Qual, ...]:
        """Conditions that an index can answer: ANDed, and not between two columns of the row."""
        return tuple(q for q in self.use.quals if not q.in_or and q.operand != "column")

    def alternatives(self) -> tuple[Qual, ...]:
        """Members of an OR: where an index answers each of them, their rows can be put together."""
        members = (q for q in self.use.quals if q.in_or and q.operand != "column" and not q.row)
        return tuple(members)[:_MAX_ALTERNATIVES]

    def searched(self) -> tuple[Qual, ...]:
        """All conditions that an index on them alone can answer."""
        return (*self.quals(), *self.alternatives())

    def lookups(self) -> tuple[Qual, ...]:
        """Equalities with what is known of another source once its rows are there."""
        return tuple(
            q
            for q in self.use.quals
            if q.operand == "column" and not q.in_or and not q.row and is_equality(q)
        )


def is_equality(qual: Qual) -> bool:
    """True if rows that satisfy the condition stand together in an index on its column."""
    return qual.kind in _KEY_KINDS


def demands(statement: Statement, snapshot: Snapshot, ranks: Ranks) -> Iterator[Demand]:
    """The demands of a statement on relations that can have indexes."""
    for position, use in enumerate(statement.relations):
        relation = snapshot.relation_by_name.get(use.relation)
        if relation is None or relation.kind not in "rpm":
            continue
        joins = tuple(_joins_of(statement, position))
        yield Demand(relation, use, joins, ranks.get(use.relation, {}), snapshot)


def _joins_of(statement: Statement, position: int) -> Iterator[tuple[str, ...]]:
    """Columns of the relation at `position`, by the relation they are compared with."""
    by_partner: dict[int, dict[str, None]] = {}
    for clause in statement.join_clauses:
        if clause.operator != "=":
            continue
        if clause.left == position:
            by_partner.setdefault(clause.right, {})[clause.left_column] = None
        if clause.right == position:
            by_partner.setdefault(clause.left, {})[clause.right_column] = None
    seen = set()
    for columns in by_partner.values():
        if (group := tuple(columns)) not in seen:
            seen.add(group)
            yield group


Ranks = Mapping[QualifiedName, Mapping[str, float]]
"""For each relation, how much of the workload compares each column for equality."""


def rank_columns(workload: Workload) -> Ranks:
    """The ranks of a workload; they do not depend on the order of its statements."""
    ranks: dict[QualifiedName, dict[str, float]] = {}
    for statement, parsed in sorted(workload.parsed(), key=lambda pair: pair[0].fingerprint):
        compared = {
            (use.relation, q.column)
            for use in parsed.relations
            for q in use.quals
            if is_equality(q) and not q.in_or and q.expression is None
        }
        for relation, column in compared:
            of_relation = ranks.setdefault(relation, {})
            of_relation[column] = of_relation.get(column, 0.0) + 1.0 + statement.share
    return ranks
