"""Texts as pg_stat_statements makes them of statements of many kinds: they can be planned."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.plan import Plan
from dbtune.twin.retype import Refusal, asked
from dbtune.twin.twin import open_twin
from tests.twin.conftest import HERE, statements_in

_RESET = """
SELECT pg_stat_statements_reset(0, d.oid, 0) FROM pg_database d WHERE d.datname = current_database()
"""
_TEXTS = """
SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND toplevel
    AND query !~* '^\\s*(begin|rollback|select pg_stat_statements_reset)'
"""


def normalized(connection: psycopg.Connection, text: str) -> str | None:
    """The text that pg_stat_statements keeps, None if the server does not take the statement."""
    connection.execute(_RESET)
    try:
        with connection.transaction(force_rollback=True):
            # The simple protocol: psycopg would otherwise read % and ? of the text.
            connection.execute(text.encode(), prepare=False)
    except (psycopg.errors.SyntaxError, psycopg.errors.UndefinedFunction):
        return None
    ((kept,),) = connection.execute(_TEXTS).fetchall()
    return str(kept)


@pytest.mark.pg(">= 15")
def test_texts_of_pg_stat_statements_are_plannable(make_database: Callable[..., str]) -> None:
    dsn = make_database(*statements_in((HERE / "normalized_schema.sql").read_text()))
    statements = statements_in((HERE / "normalized.sql").read_text())
    with psycopg.connect(dsn, autocommit=True) as connection:
        texts = [t for s in statements if (t := normalized(connection, s))]
    with open_twin(collect(dsn)) as twin:
        answers = {text: twin.plan(text) for text in texts}
    refused = {text: a.reason for text, a in answers.items() if not isinstance(a, Plan)}
    assert len(answers) > 160
    assert refused == {}


@pytest.mark.pg(">= 15")
@pytest.mark.parametrize(
    "condition",
    [
        "placed_at::date > current_date - $1",
        "status = $1 AND current_date - $2 <= placed_at::date",
        "placed_at > now() - $1",
        "now() - $1 < placed_at AND id > $2",
        "placed_at BETWEEN now() - $1 AND now() - $2",
        "placed_at::timestamp >= localtimestamp - $1",
    ],
)
def test_a_driver_s_parameter_may_be_a_span_of_time(
    make_database: Callable[..., str], condition: str
) -> None:
    dsn = make_database(*statements_in((HERE / "normalized_schema.sql").read_text()))
    with open_twin(collect(dsn)) as twin:
        answer = twin.plan(f"SELECT * FROM orders WHERE {condition}")
    assert isinstance(answer, Plan), answer.reason


def test_search_for_types_ends_and_tells_the_first_trouble() -> None:
    questions = []

    def ask(sql: str) -> Refusal:
        questions.append(sql)
        return Refusal(f"operator does not exist: bigint = text{len(questions)}", 10)

    answer = asked("select a = b, $1, $2 from t", ask, 20)
    assert answer == Refusal("operator does not exist: bigint = text1", 10)
    assert 1 < len(questions) <= 20
    assert len(set(questions)) == len(questions)
