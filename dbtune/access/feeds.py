"""Which statements' rows can hold the values that another one looks up, by the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dbtune.access.reference import Reference, references_of, unique_keys
from dbtune.identifier import QualifiedName
from dbtune.statement.model import RelationUse, Statement
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import outline
from dbtune.workload import Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Feed:
    """A statement that can feed a child, and the reference that says so.

    `share` is the part of the statement's rows that do.
    """

    statement: WorkloadStatement
    relation: QualifiedName
    column: str
    reference: Reference
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """A key that a statement compares with parameters: by its last `column`, fed by `feeder`."""

    use: RelationUse
    column: str
    feeder: QualifiedName
    reference: Reference


@dataclass(frozen=True)
class Feeds:
    """The feeds of a workload's statements."""

    workload: Workload

    def lookups(self, child: WorkloadStatement, parsed: Statement) -> Iterator[Lookup]:
        """Each key compared with parameters, and what relation can feed it."""
        equal = outline(child.text).equal
        for use in parsed.relations:
            if use.limit is not None and use.quals_of("range"):
                continue  # pages
            given = {
                qual.column
                for qual in use.quals_of("equal", "in")
                if qual.operand == "parameter"
                and not qual.expression
                and (qual.kind == "equal" or ColumnName(use.relation.name, qual.column) in equal)
            }
            for one in self._by_end.get(use.relation, ()):
                if one.relation == use.relation and given.issuperset(one.columns):
                    yield Lookup(use, one.columns[-1], one.referenced, one)
                if one.referenced == use.relation and given.issuperset(one.key):
                    yield Lookup(use, one.key[-1], one.relation, one)
            if len({one.relation for one in parsed.relations}) > 1:
                yield from self._same_keys(use, given)

    def of(self, child: WorkloadStatement, parsed: Statement) -> Iterator[Feed]:
        """Statements whose rows hold values that the child looks up by equality, each once."""
        seen: set[str] = set()
        for found in self.lookups(child, parsed):
            holds = found.feeder == found.reference.relation
            ends = found.reference.columns if holds else found.reference.key
            fetched = {one.relation for one in parsed.relations}
            fetched = (
                fetched - {found.use.relation}
                if found.reference.is_own_key
                else {found.use.relation}
            )
            for statement, there in self.workload.uses_of(found.feeder):
                fixed = {qual.column for qual in there.quals_of("equal")}
                if (
                    statement.fingerprint not in seen
                    and statement.fingerprint != child.fingerprint
                    and _lists_without(statement, fetched)
                    # Rows that were found by one value of it lead to one row.
                    and not fixed.issuperset(ends)
                    and _returns(statement, ends)
                ):
                    seen.add(statement.fingerprint)
                    share = found.reference.share if holds else 1.0
                    yield Feed(statement, found.use.relation, found.column, found.reference, share)

    def _same_keys(self, use: RelationUse, given: set[str]) -> Iterator[Lookup]:
        """A joined relation's own key: who read its rows before may ask for their relatives."""
        for key in self._keys.get(use.relation, ()):
            if given.issuperset(key):
                columns = tuple(sorted(key))
                own = Reference(
                    use.relation, columns, use.relation, columns,
                    reason="is asked for again for rows of",
                )  # fmt: skip
                yield Lookup(use, columns[-1], use.relation, own)

    @cached_property
    def _by_end(self) -> Mapping[QualifiedName, Sequence[Reference]]:
        """The references by each relation that holds one or is referred to."""
        ends: dict[QualifiedName, list[Reference]] = {}
        for one in references_of(self.workload.snapshot):
            for relation in {one.relation: None, one.referenced: None}:
                ends.setdefault(relation, []).append(one)
        return ends

    @cached_property
    def _keys(self) -> Mapping[QualifiedName, Sequence[frozenset[str]]]:
        return unique_keys(self.workload.snapshot)


def _returns(statement: WorkloadStatement, columns: Sequence[str]) -> bool:
    """True if these columns are among what the statement returns."""
    seen = outline(statement.text)
    return seen.all_columns or {column.column for column in seen.projected}.issuperset(columns)


def _lists_without(statement: WorkloadStatement, relations: set[QualifiedName]) -> bool:
    """True for a SELECT that returned rows and reads none of the relations."""
    parsed = statement.parsed
    return (
        isinstance(parsed, Statement)
        and parsed.kind == "select"
        and statement.statistics.rows > 0
        and not any(map(parsed.uses_of, relations))
    )
