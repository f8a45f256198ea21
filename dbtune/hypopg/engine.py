"""Prices on the target itself: for what the twin cannot model, and to check the twin.

Only EXPLAIN is sent, in short read-only transactions. A hypothetical index lives as long as the
server process and survives ROLLBACK, and a pooler may give each transaction another process: so
each transaction makes those that it wants and takes them back before it ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from dbtune.collect.connect import Connection, connected
from dbtune.collect.plans import lost_partitions
from dbtune.errors import BadInput, CannotConnect
from dbtune.hypopg.size import partitions_with_rows, rows_query, size_of
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.index import IndexSpec
from dbtune.plan import Plan, Unplanned, read_plan
from dbtune.pricing import Hypothetical, Rejected
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.statement.tokens import tokens
from dbtune.twin.retype import Refusal, asked
from dbtune.twin.text import is_several, planless, plannable

_QUESTIONS = 12  # of one statement: the server is somebody's production
_GENERIC_PLAN_SINCE = 16

# Before 16 a generic plan is that of a prepared statement which may not look at its parameters.
_EXPLAIN = "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) "
_PREPARE = "PREPARE dbtune_plan AS "
_LIMITS = """
SELECT /* dbtune */ set_config('search_path', %s, true),
    set_config('statement_timeout', '20s', true), set_config('lock_timeout', '200ms', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)
"""
_CREATE = """
SELECT wanted.name, made.indexname
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (name, ddl, place)
CROSS JOIN LATERAL {schema}.hypopg_create_index(wanted.ddl) AS made
ORDER BY wanted.place
"""
_HIDE = """
SELECT {schema}.hypopg_hide_index(tree.oid)
FROM unnest(%s::text[]) AS hidden (name)
CROSS JOIN LATERAL (SELECT to_regclass(hidden.name)::oid UNION
    SELECT relid::oid FROM pg_partition_tree(to_regclass(hidden.name))) AS tree (oid)
"""
_EXTENSION = """
SELECT quote_ident(n.nspname),
    to_regprocedure(quote_ident(n.nspname) || '.hypopg_hide_index(oid)') IS NOT NULL
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'hypopg'
"""


class Hypopg:
    """A target with HypoPG, and a snapshot of it. Satisfies PricingEngine.

    Made by open_hypopg(). HypoPG knows neither GIN, GiST nor SP-GiST; it hides existing indexes
    from version 1.4 on. Plans name hypothetical indexes as IndexSpec.default_name() does.
    """

    def __init__(
        self, connection: Connection, snapshot: Snapshot, schema: str, *, hides: bool
    ) -> None:
        self._connection = connection
        self._snapshot = snapshot
        self._create_sql = _CREATE.format(schema=schema).encode()
        self._hide_sql = _HIDE.format(schema=schema).encode() if hides else None
        unhide = f", {schema}.hypopg_unhide_all_indexes()" if hides else ""
        self._reset_sql = f"SELECT {schema}.hypopg_reset(){unhide}".encode()
        self._made: dict[IndexSpec, Hypothetical | Rejected] = {}
        self._ddl: dict[str, str] = {}
        self._rows: dict[tuple[QualifiedName, str | None], float] = {}
        self._explains = 0
        major = connection.info.server_version // 10000
        self._is_generic = major >= _GENERIC_PLAN_SINCE
        self._before = _EXPLAIN if self._is_generic else _PREPARE

    @property
    def name(self) -> str:
        return "hypopg"

    @property
    def explains(self) -> int:
        """Planner calls made so far."""
        return self._explains

    def plan(
        self,
        text: str,
        *,
        show: Collection[str] = (),
        hide: Collection[str] = (),
        search_path: Sequence[str] = (),
    ) -> Plan | Unplanned:
        """The plan of a statement, see PricingEngine.

        Raises:
            KeyError: `show` names no hypothetical index.
            CannotConnect: the server is gone.
        """
        if is_several(text):
            return Unplanned("the text holds several statements")
        if word := planless(text):
            return Unplanned(f"{word} has no plan")
        if hide and self._hide_sql is None:
            return Unplanned("HypoPG hides existing indexes from version 1.4 on")
        wanted = {name: self._ddl[name] for name in sorted(show)}
        with self._transaction(search_path):
            try:
                with self._connection.transaction():
                    names = self._create(wanted) if wanted else {}
                    if hide and self._hide_sql is not None:
                        self._connection.execute(self._hide_sql, [sorted(hide)])
            except psycopg.Error as error:
                return Unplanned(self._words(error))
            return self._explain(text, names)

    def suppose(self, specs: Sequence[IndexSpec]) -> tuple[Hypothetical | Rejected, ...]:
        """Make hypothetical indexes, hidden, see PricingEngine.

        Raises:
            CannotConnect: the server is gone.
        """
        fresh = [spec for spec in dict.fromkeys(specs) if spec not in self._made]
        if fresh:
            with self._transaction(()):
                for spec in fresh:
                    self._made[spec] = self._suppose(spec)
        return tuple(self._made[spec] for spec in specs)

    def _suppose(self, spec: IndexSpec) -> Hypothetical | Rejected:
        name = spec.default_name()
        ddl = spec.ddl(name)
        try:
            with self._connection.transaction():
                self._create({name: ddl})
            with self._connection.transaction():
                parts = partitions_with_rows(self._snapshot, spec.relation)
                rows = [self._rows_of(part, spec.predicate) for part in parts]
        except psycopg.Error as error:
            return Rejected(spec, self._words(error))
        self._ddl[name] = ddl
        return Hypothetical(name, spec, size_of(spec, parts, rows, self._snapshot))

    def _rows_of(self, relation: Relation, predicate: str | None) -> float:
        """Rows of a relation; with a predicate, those that the target's planner lets through."""
        if predicate is None and relation.reltuples >= 0:
            return relation.reltuples
        key = (relation.name, predicate)
        if key not in self._rows:
            self._explains += 1
            sql = rows_query(relation.name, predicate)
            document = _document(self._connection.execute(sql.encode()))
            self._rows[key] = read_plan(document).root.plan_rows
        return self._rows[key]

    def _create(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Make indexes by name and DDL; returns those names by the ones that HypoPG gave."""
        rows = self._connection.execute(
            self._create_sql, [list(wanted), list(wanted.values())]
        ).fetchall()
        return {given: name for name, given in rows}

    def _explain(self, text: str, names: Mapping[str, str]) -> Plan | Unplanned:
        """One planner call, and more where parameters turn out to need a type."""

        def ask(sql: str) -> Plan | Unplanned | Refusal:
            try:
                with self._connection.transaction():
                    document = self._ask(sql)
                    if not self._is_generic and lost_partitions(document):
                        self._connection.execute("SET LOCAL enable_partition_pruning = off")
                        document = self._ask(sql)
            except psycopg.Error as error:
                place = int(error.diag.statement_position or 0)
                return Refusal(self._words(error), place - len(self._before) - 1)
            try:
                return read_plan(_renamed(document, names))
            except ValueError:  # a rule that does nothing instead
                return Unplanned("the server makes no plan for this statement")

        answer: Plan | Unplanned | Refusal = asked(plannable(text), ask, _QUESTIONS)
        return Unplanned(answer.words) if isinstance(answer, Refusal) else answer

    def _ask(self, sql: str) -> object:
        self._explains += 1
        # Without parameters of ours this is the simple protocol, which leaves `$1` alone.
        cursor = self._connection.execute((self._before + sql).encode())
        if self._is_generic:
            return _document(cursor)
        parameters = [int(t.text[1:]) for t in tokens(sql) if t.kind == "parameter"]
        nulls = ", ".join(["NULL"] * max(parameters, default=0))
        call = f"dbtune_plan ({nulls})" if nulls else "dbtune_plan"
        try:
            with self._connection.transaction():
                explain = f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {call}"
                return _document(self._connection.execute(explain.encode()))
        finally:
            if not self._connection.closed:
                self._connection.execute("DEALLOCATE dbtune_plan")

    @contextmanager
    def _transaction(self, search_path: Sequence[str]) -> Iterator[None]:
        """One transaction, at whose end no hypothetical index is left."""
        path = tuple(search_path) or self._snapshot.search_path or ("public",)
        try:
            self._connection.execute(_LIMITS, [", ".join(map(quote_identifier, path))])
            try:
                yield
            finally:
                if not self._connection.closed:
                    self._connection.execute(self._reset_sql)
        except psycopg.Error as error:
            raise CannotConnect(f"The server broke off: {self._words(error)}.") from error
        finally:
            if not self._connection.closed:
                self._connection.rollback()

    def _words(self, error: psycopg.Error) -> str:
        words = error.diag.message_primary or str(error)
        if self._connection.closed:
            raise CannotConnect(f"The server broke off: {words}.", "Try again.") from error
        return words


@contextmanager
def open_hypopg(target: str | None, snapshot: Snapshot) -> Iterator[Hypopg]:
    """HypoPG on the server that a snapshot was taken of, see `connected` for `target`.

    Raises:
        BadInput: the database lacks the extension, or `target` is no connection string.
        CannotConnect: the server cannot be reached or refuses.
    """
    with connected(target) as connection:
        found = connection.execute(_EXTENSION).fetchone()
        connection.rollback()
        if found is None:
            major = connection.info.server_version // 10000
            raise BadInput(
                f"The database {connection.info.dbname} lacks the extension hypopg.",
                f"Install the server's package (postgresql-{major}-hypopg on Debian, "
                f"hypopg_{major} on Red Hat), then run there: CREATE EXTENSION hypopg;",
            )
        schema, hides = found
        yield Hypopg(connection, snapshot, schema, hides=hides)


def _document(cursor: psycopg.Cursor[Any]) -> object:
    row = cursor.fetchone()
    return row[0] if row else None


def _renamed(document: object, names: Mapping[str, str]) -> Any:
    """A document of EXPLAIN with our names for hypothetical indexes."""
    if isinstance(document, list):
        return [_renamed(part, names) for part in document]
    if isinstance(document, dict):
        renamed = {key: _renamed(value, names) for key, value in document.items()}
        if "Index Name" in renamed:
            renamed["Index Name"] = names.get(renamed["Index Name"], renamed["Index Name"])
        return renamed
    return document
