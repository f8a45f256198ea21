from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtune.statement.fingerprint import fingerprint, normalize, tags
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import outline
from dbtune.statement.tokens import tokens

SAME = [
    ("select 1", "SELECT 2"),
    ("select * from t where a = 5", "select * from t where a = $1"),
    ("select * from t where a = -5", "select * from t where a = $1"),
    ("select * from t where a in (1, 2, 3)", "select * from t where a in ($1 /*, ... */)"),
    ("select * from t where a in ($1,$2)", "SELECT * FROM t\nWHERE a IN ( $4 , $5, $6 )"),
    ("select * from t where a in (7)", "select * from t where a in ($1)"),
    (
        "select * from t where (a,b) in ((1,2),(3,4))",
        "select * from t where (a,b) in (($1,$2),($3,$4),($5,$6))",
    ),
    ("select 'a'", "select $$it's$$"),
    ("select E'it\\'s'", "select $tag$ $$ $tag$"),
    ('select "a" from "t"', "select a from t"),
    ("select a -- first\n from t", "select a /* /* nested */ */ from t;"),
    ("insert into t values (1), (2)", "insert into t values ($1), ($2), ($3)"),
    ("select * from t where a != 1", "select * from t where a <> $1"),
    ("select true, null from t", "select $1, $2 from t"),
    ("select * from t order by a limit 10", "select * from t order by a limit $1"),
    ("select interval '1 day'", "select interval $1"),
    ("select * from t where a = any(array[1,2])", "select * from t where a = any(array[$1])"),
]
DIFFERENT = [
    ("select * from t where a = $1", "select * from t where a = any($1)"),
    ("select * from t where a = $1", "select * from t where a in ($1)"),
    ("select * from t where a in ($1)", "select * from t where a in ($1, $2)"),
    ("select * from t where a in ($1)", "select * from t where a in ($1 /*, ... */)"),
    ("select * from t where (a,b) in ((1,2),(3,4))", "select * from t where (a,b) in (($1,$2))"),
    ('select "orgId" from t', "select orgid from t"),
    ("select a from t order by 1", "select a from t order by 2"),
    ("select a from t order by 1", "select a from t order by $1"),
    ("insert into t values (1)", "insert into t values (1), (2)"),
    ("select a::varchar(10) from t", "select a::varchar(20) from t"),
    ("select * from t where a is null", "select * from t where a is true"),
    ("select f(1, 2)", "select f(1)"),
    ('select "user" from t', "select user from t"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_the_same_statement_has_one_fingerprint(left: str, right: str) -> None:
    assert fingerprint(left) == fingerprint(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_statements_stay_apart(left: str, right: str) -> None:
    assert fingerprint(left) != fingerprint(right)


def test_a_list_of_one_is_an_equality() -> None:
    column = (ColumnName("t", "a"),)
    for one in ("a IN ($1)", "a in ( $1::int )", "a IN (7)", "(t.a in ($1))"):
        assert outline(f"SELECT * FROM t WHERE {one}").equal == column
    for several in ("a IN ($1, $2)", "a IN ($1 /*, ... */)", "a = ANY ($1)", "a NOT IN ($1)"):
        assert outline(f"SELECT * FROM t WHERE {several}").equal == ()


@pytest.mark.parametrize(
    ("condition", "equal", "listed"),
    [
        ("(a, b) = ($1, $2)", {"a": 1, "b": 2}, ()),
        ("(t.a, t.b) IN (($2, $1))", {"a": 2, "b": 1}, ()),
        ("(a, b) IN (($1::int, 'x'::text)) AND c = $2", {"a": 1, "b": None, "c": 2}, ()),
        ("(a, b) IN (($1, $2), ($3, $4)) AND c = $5", {"c": 5}, ("a", "b")),
        ("(a = $1 AND b = $2)", {"a": 1, "b": 2}, ()),
    ],
)
def test_rows_are_compared_column_by_column(
    condition: str, equal: dict[str, int | None], listed: tuple[str, ...]
) -> None:
    found = outline(f"SELECT * FROM t WHERE {condition}")
    compared = zip((c.column for c in found.equal), found.given, strict=True)
    assert dict(compared) == equal
    assert tuple(c.column for c in found.listed) == listed


@given(st.text(alphabet="select fromt'\"$1(),;-/*E\\[]=\n€", max_size=60))
def test_any_text_has_a_fingerprint_that_normalizing_keeps(text: str) -> None:
    assert len(fingerprint(text)) == 16
    assert normalize(normalize(text)) == normalize(text)


@given(st.text(max_size=80))
def test_tokens_cover_a_text_without_overlap(text: str) -> None:
    at = 0
    for token in tokens(text, comments=True):
        assert text[token.start : token.end] == token.text
        assert not text[at : token.start].strip()
        at = token.end
    assert not text[at:].strip()


def test_normalize_numbers_on_from_the_texts_own_parameters() -> None:
    text = "select $2, 'it''s', -5, a - 5 from t where b = E'\\'' order by 1"
    assert normalize(text) == "select $2, $3, $4, a - $5 from t where b = $6 order by 1"


def test_tags_are_decoded() -> None:
    text = "select 1 /*action='%2Fparam*d',controller='index',x='it\\'s'*/"
    assert tags(text) == (("action", "/param*d"), ("controller", "index"), ("x", "it's"))
    assert tags("/*application:Shop,job:mail*/ select 1") == (
        ("application", "Shop"),
        ("job", "mail"),
    )
    assert tags("select 1 /* plain words */") == ()
    assert tags("select '/*a=''b''*/'") == ()
