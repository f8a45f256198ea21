"""Hard statements against two oracles: what the server records of a text, and what it can plan.

The server itself tells which columns a statement names (pg_depend of a procedure made of it), and
whether an index on what dbtune calls a qual can serve that qual (the plan without seq scans).
"""

from __future__ import annotations

from collections import defaultdict

import psycopg
import pytest
import yaml

from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec
from dbtune.plan import read_plan
from dbtune.snapshot.catalog import IndexKey
from dbtune.statement.model import Qual, RelationUse, Statement
from dbtune.statement.parse import parse
from tests.statement.conftest import HARD, Hard, HardDatabase, hard_statements
from tests.statement.described import described

STATEMENTS = hard_statements()
PARSED = [hard for hard in STATEMENTS if not hard.found[:1] or "unparsed" not in hard.found[0]]


def short(hard: Hard) -> str:
    return " ".join(hard.text.split())[:60]


def parsed(hard: Hard, database: HardDatabase) -> Statement:
    found = parse(hard.text, database.snapshot)
    assert isinstance(found, Statement), found
    return found


def prepared_types(connection: psycopg.Connection, sql: str) -> list[str]:
    """The parameter types that the server infers; raises if it refuses the statement."""
    connection.execute(f"PREPARE hard AS {sql}".encode())
    query = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'hard'"
    row = connection.execute(query).fetchone()
    assert row is not None
    return list(row[0])


def connect(database: HardDatabase) -> psycopg.Connection:
    return psycopg.connect(database.dsn, prepare_threshold=None)


def test_the_list_is_long_enough() -> None:
    assert len(STATEMENTS) >= 120
    assert len({hard.text for hard in STATEMENTS}) == len(STATEMENTS)


@pytest.mark.parametrize("hard", STATEMENTS, ids=short)
def test_hard_statements_are_read_as_written_down(hard: Hard, hard_database: HardDatabase) -> None:
    assert described(parse(hard.text, hard_database.snapshot)) == hard.found


def test_rewrite_the_list(hard_database: HardDatabase, pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("golden"):
        pytest.skip("only with --golden")
    entries = []
    for hard in STATEMENTS:
        entry = {k: v for k, v in vars(hard).items() if v and k != "found"}
        entry["found"] = described(parse(hard.text, hard_database.snapshot))
        entries.append(entry)
    shown = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=100)
    HARD.write_text(shown.replace("\n- text", "\n\n- text"), encoding="utf-8")


@pytest.mark.parametrize("hard", PARSED, ids=short)
def test_the_server_names_the_same_columns(hard: Hard, hard_database: HardDatabase) -> None:
    if not hard.runs_on(hard_database.major):
        pytest.skip(f"needs PostgreSQL {hard.pg}")
    recorded = recorded_columns(hard.sql or hard.text, hard_database)
    found: dict[str, set[str]] = defaultdict(set)
    for use in parsed(hard, hard_database).relations:
        found[use.relation.sql] |= {*use.projected, *use.written}
    assert found.keys() == recorded.keys()
    for relation, columns in found.items():
        if hard.columns != "wider":
            assert columns <= recorded[relation]
        if hard.columns != "pruned":
            assert columns >= recorded[relation]


def recorded_columns(sql: str, database: HardDatabase) -> dict[str, set[str]]:
    """The columns of each table that the server finds in a statement, views looked through."""
    with connect(database) as connection:
        types = prepared_types(connection, sql)
        connection.execute(
            f"CREATE PROCEDURE hard({', '.join(types)}) LANGUAGE SQL "
            f"BEGIN ATOMIC {sql}\n; END".encode()
        )
        rows = connection.execute(RECORDED).fetchall()
        connection.rollback()
    columns: dict[str, set[str]] = defaultdict(set)
    for schema, name, column in rows:
        relation = f"{quote_identifier(schema)}.{quote_identifier(name)}"
        columns[relation] |= {column} if column else set()
    return columns


RECORDED = """
WITH RECURSIVE named AS (
  SELECT refobjid AS relation, refobjsubid AS number FROM pg_depend
  WHERE classid = 'pg_proc'::regclass AND objid = 'hard'::regproc
    AND refclassid = 'pg_class'::regclass
  UNION
  SELECT d.refobjid, d.refobjsubid
  FROM named JOIN pg_class v ON v.oid = named.relation AND v.relkind = 'v'
  JOIN pg_rewrite r ON r.ev_class = v.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
)
SELECT n.nspname, c.relname, a.attname
FROM named JOIN pg_class c ON c.oid = relation AND c.relkind <> 'v'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'pg_catalog'
LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = number AND number > 0
"""


@pytest.mark.pg(">= 16")
@pytest.mark.parametrize("hard", PARSED, ids=short)
def test_an_index_on_a_qual_can_serve_it(hard: Hard, hard_database: HardDatabase) -> None:
    if not hard.runs_on(hard_database.major):
        pytest.skip(f"needs PostgreSQL {hard.pg}")
    statement = parsed(hard, hard_database)
    with connect(hard_database) as connection:
        for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material"):
            connection.execute(f"SET {setting} = off".encode())
        for use in statement.relations:
            for qual in use.quals:
                if is_servable(qual):
                    assert served(connection, hard, use, qual), f"{use.relation}: {qual}"


def is_servable(qual: Qual) -> bool:
    return (
        qual.kind in ("equal", "in", "range", "is_null", "boolean")
        and not (qual.in_or or qual.parametrized)
        and qual.operand in ("parameter", "constant", "expression")
    )


def served(connection: psycopg.Connection, hard: Hard, use: RelationUse, qual: Qual) -> bool:
    """True if a plan searches an index on the qual, or the expression may not be indexed.

    A second plan without ordered scans: a qual made of an OR is served by a BitmapOr.
    """
    key = IndexKey(None if qual.expression else qual.column, qual.expression)
    body = IndexSpec(use.relation, (key,)).ddl("hard_index")
    connection.execute("SAVEPOINT before")
    try:
        connection.execute(body.encode())
        return any(searches_index(connection, hard, ordered) for ordered in ("on", "off"))
    except psycopg.errors.InvalidObjectDefinition:
        return True  # not immutable: no index can have it, but it is SQL
    finally:
        connection.execute("ROLLBACK TO before")


def searches_index(connection: psycopg.Connection, hard: Hard, ordered: str) -> bool:
    connection.execute(f"SET LOCAL enable_indexscan = {ordered}".encode())
    connection.execute(f"SET LOCAL enable_indexonlyscan = {ordered}".encode())
    explain = f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {hard.sql or hard.text}"
    explained = connection.execute(explain.encode()).fetchone()
    assert explained is not None
    nodes = read_plan(explained[0]).root.walk()
    return any(node.index and "Index Cond" in node.details for node in nodes)
