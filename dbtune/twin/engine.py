"""The twin as a pricing engine: plans statements, supposes indexes, hides and shows them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

import psycopg

from dbtune.errors import ServerFailed
from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec
from dbtune.plan import Plan, Unplanned, read_plan
from dbtune.pricing import Hypothetical, Rejected
from dbtune.snapshot.model import Snapshot
from dbtune.statement.tokens import tokens
from dbtune.twin.derive import Deriver
from dbtune.twin.model import NotModelled
from dbtune.twin.retype import Refusal, asked
from dbtune.twin.session import Session
from dbtune.twin.skipscan import skip_scanned
from dbtune.twin.storage import Storage
from dbtune.twin.suppose import Supposed, Supposer
from dbtune.twin.text import is_several, planless, plannable

_STATEMENT_TIMEOUT_MS = 20_000
_QUESTIONS = 60
_PREPARE = "PREPARE dbtune_plan AS "
_GENERIC_PLAN_VERSION = 160000
_EXPLAIN = "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) "


class Twin:
    """One database's schema and statistics on a server of ours. Satisfies PricingEngine.

    Made by open_twin(). `not_modelled` tells what the target has and the twin lacks.
    """

    def __init__(
        self,
        superuser: Session,
        owner: Session,
        storage: Storage,
        snapshot: Snapshot,
        not_modelled: tuple[NotModelled, ...],
        *,
        lacks_skip_scan: bool = False,
    ) -> None:
        self._superuser = superuser
        self._owner = owner
        self._snapshot = snapshot
        deriver = Deriver(superuser, owner, snapshot)
        self._supposer = Supposer(superuser, owner, storage, snapshot, deriver)
        self._path: tuple[str, ...] = ()
        self._texts: dict[str, str | Unplanned] = {}
        self._hidden: frozenset[int] = frozenset()
        self._oids_of_existing = _index_oids(superuser)
        # Not their partitions': CREATE INDEX ON ONLY leaves an invalid parent of valid indexes.
        self._invalid = _invalid_oids(superuser, snapshot)
        self._explains = 0
        self._leading = _leading_keys(superuser) if lacks_skip_scan else None
        self.not_modelled = not_modelled
        self._explains_generic = owner.info.server_version >= _GENERIC_PLAN_VERSION
        if not self._explains_generic:
            owner.execute("SET plan_cache_mode = force_generic_plan")
        storage.refine_gin(snapshot, deriver)
        owner.execute(f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}".encode())
        owner.execute("SET default_transaction_read_only = on")

    @property
    def name(self) -> str:
        return "twin"

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
            ServerFailed: the embedded server is gone.
        """
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = _to_plan(text)
        if isinstance(known, Unplanned):
            return known
        self._set_search_path(tuple(search_path) or self._snapshot.search_path)
        shown = {oid for name in show for oid in self._supposer.oids(name)}
        hidden = self._supposer.hidden_oids - shown | self._invalid | self._existing(hide)
        self._hide(hidden)
        plan = self._explain(known)
        while self._leading is not None and isinstance(plan, Plan):
            skipped = skip_scanned(plan, self._leading)
            if not skipped:
                break
            hidden |= self._oids_named(skipped)
            self._hide(hidden)
            plan = self._explain(known)
        return plan

    def _explain(self, sql: str) -> Plan | Unplanned:
        """One planner call, and more where parameters turn out to need a type."""
        answer: Plan | Unplanned | Refusal = asked(sql, self._ask, _QUESTIONS)
        return Unplanned(answer.words) if isinstance(answer, Refusal) else answer

    def _ask(self, sql: str) -> Plan | Unplanned | Refusal:
        self._explains += 1
        # The simple protocol: the extended one would take `$1` for a parameter of EXPLAIN.
        before = _EXPLAIN if self._explains_generic else _PREPARE
        result = self._owner.pgconn.exec_((before + sql).encode())
        if not self._explains_generic and result.status == psycopg.pq.ExecStatus.COMMAND_OK:
            result = self._explain_prepared(sql)
        if result.status == psycopg.pq.ExecStatus.TUPLES_OK and result.ntuples:
            return _plan_in(json.loads(result.get_value(0, 0) or b"null"))
        if self._owner.pgconn.status != psycopg.pq.ConnStatus.OK:
            raise ServerFailed(f"The embedded server went away while planning: {sql[:200]}")
        words = _field(result, psycopg.pq.DiagnosticField.MESSAGE_PRIMARY)
        place = _field(result, psycopg.pq.DiagnosticField.STATEMENT_POSITION)
        return Refusal(words or "the server gave no plan", int(place or 0) - len(before) - 1)

    def _explain_prepared(self, sql: str) -> psycopg.pq.abc.PGresult:
        """Before 16 a generic plan is that of a prepared statement, here with NULLs."""
        numbers = [int(t.text[1:]) for t in tokens(sql) if t.kind == "parameter"]
        nulls = ", ".join(["NULL"] * max(numbers, default=0))
        call = f"dbtune_plan ({nulls})" if nulls else "dbtune_plan"
        explain = f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {call}"
        result = self._owner.pgconn.exec_(explain.encode())
        self._owner.execute("DEALLOCATE dbtune_plan")
        return result

    def suppose(self, specs: Sequence[IndexSpec]) -> tuple[Hypothetical | Rejected, ...]:
        """Make hypothetical indexes, hidden, see PricingEngine."""
        known = self._supposer.hidden_oids
        made = self._supposer.suppose(specs)
        self._hidden |= self._supposer.hidden_oids - known
        self._note_leading()
        return tuple(m.hypothetical if isinstance(m, Supposed) else m for m in made)

    def suppose_ddl(self, ddl: str) -> Hypothetical:
        """The hypothetical index, hidden, that a CREATE INDEX statement means.

        Raises:
            BadInput: it is no CREATE INDEX statement, or the server refuses it.
        """
        made = self._supposer.suppose_ddl(ddl)
        self._hidden |= made.oids
        self._note_leading()
        return made.hypothetical

    def _note_leading(self) -> None:
        if self._leading is not None:
            self._leading = _leading_keys(self._superuser)

    def _hide(self, hidden: frozenset[int]) -> None:
        """Bring pg_index.indisvalid in line with what the next plan may see."""
        changed = hidden ^ self._hidden
        if changed:
            self._superuser.execute(
                "UPDATE pg_index SET indisvalid = indexrelid <> ALL (%s::oid[])"
                " WHERE indexrelid = ANY (%s::oid[])",
                (_array(hidden & changed), _array(changed)),
            )
            self._hidden = hidden

    def _existing(self, names: Iterable[str]) -> frozenset[int]:
        """The OIDs of existing indexes; one that could not be modelled is hidden as it is."""
        return frozenset(
            oid for name in names for oid in self._oids_of_existing.get(name, frozenset())
        )

    def _oids_named(self, names: frozenset[str]) -> frozenset[int]:
        """The indexes of a plan, which names them without their schema."""
        rows = self._superuser.execute(
            "SELECT oid FROM pg_class WHERE relkind = 'i' AND relname = ANY(%s)", (list(names),)
        ).fetchall()
        return frozenset(row[0] for row in rows)

    def _set_search_path(self, path: tuple[str, ...]) -> None:
        if path != self._path:
            sql = f"SET search_path = {', '.join(map(quote_identifier, path)) or 'public'}"
            self._owner.execute(sql.encode())
            self._path = path


def _to_plan(text: str) -> str | Unplanned:
    """The text as the planner takes it; asked for again with every set of indexes."""
    if is_several(text):
        return Unplanned("the text holds several statements")
    if word := planless(text):
        return Unplanned(f"{word} has no plan")
    return plannable(text)


def _array(oids: Iterable[int]) -> str:
    """An array's text: a driver that looks at each element takes its time."""
    return "{" + ",".join(map(str, oids)) + "}"


def _index_oids(superuser: Session) -> dict[str, frozenset[int]]:
    """Each index by its qualified name, with the indexes of its partitions."""
    rows = superuser.execute(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
        " ARRAY(SELECT relid::oid FROM pg_partition_tree(c.oid) UNION SELECT c.oid)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('i', 'I')"
        " AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')"
    ).fetchall()
    return {str(name): frozenset(oids) for name, oids in rows}


def _invalid_oids(superuser: Session, snapshot: Snapshot) -> frozenset[int]:
    names = [i.name.sql for i in snapshot.indexes if not i.is_valid]
    rows = superuser.execute("SELECT to_regclass(name)::oid FROM unnest(%s::text[]) name", (names,))
    return frozenset(row[0] for row in rows if row[0] is not None)


def _leading_keys(superuser: Session) -> dict[str, str]:
    """The first key of each B-tree that a skip scan may pay for, by the index's name.

    With more first keys than a third of the index's pages, the planner prices a scan of the whole
    index (btcostestimate()), as an older one does.
    """
    rows = superuser.execute(
        "SELECT c.relname, pg_get_indexdef(c.oid, 1, false)"
        " FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am a ON a.oid = c.relam"
        " JOIN pg_class t ON t.oid = x.indrelid"
        " JOIN pg_statistic s ON s.starelid = t.oid AND s.staattnum = x.indkey[0]"
        " AND NOT s.stainherit"
        " WHERE a.amname = 'btree' AND x.indnkeyatts > 1 AND c.oid >= 16384 AND c.relpages / 3.0 >"
        " CASE WHEN s.stadistinct < 0 THEN -s.stadistinct * t.reltuples ELSE s.stadistinct END"
    ).fetchall()
    return dict(rows)


def _plan_in(document: object) -> Plan | Unplanned:
    try:
        return read_plan(document)
    except ValueError:  # a utility statement, or a rule that does nothing instead
        return Unplanned("the server makes no plan for this statement")


def _field(result: psycopg.pq.abc.PGresult, field: psycopg.pq.DiagnosticField) -> str:
    return (result.error_field(field) or b"").decode(errors="replace")
