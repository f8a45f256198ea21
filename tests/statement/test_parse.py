"""What must hold for any text, and the statements that are hard only by their size."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtune.snapshot.model import Snapshot
from dbtune.statement.fingerprint import fingerprint, normalize
from dbtune.statement.model import Statement, Unparsed
from dbtune.statement.parse import parse
from dbtune.statement.tokens import SQUASHED, Token, tokens
from tests.statement.conftest import HardDatabase, hard_statements
from tests.statement.described import described

TEXTS = [hard.text for hard in hard_statements()]
# One comment is none: PostgreSQL 18 writes it in place of a list's other values.
WITHOUT_MEANT = [text for text in TEXTS if SQUASHED not in text]


@pytest.fixture(scope="session")
def snapshot(hard_database: HardDatabase) -> Snapshot:
    return hard_database.snapshot


def spellings(token: Token) -> st.SearchStrategy[str]:
    """Other spellings of a token that mean the same."""
    if token.kind == "word":
        return st.sampled_from([token.text, token.text.lower(), token.text.upper()])
    return st.just(token.text)


BLANKS = st.sampled_from([" ", "\n", "\t ", " /* a ; 'b /* c */ */ ", " -- d ' \n"])


@st.composite
def respelled(draw: st.DrawFn) -> tuple[str, str]:
    """A hard statement, and the same with other spacing, comments and case."""
    text = draw(st.sampled_from(WITHOUT_MEANT))
    parts: list[str] = []
    scanned = list(tokens(text))
    for token, following in zip(scanned, [*scanned[1:], None], strict=True):
        parts.append(draw(spellings(token)))
        joined = following is not None and following.start == token.end
        parts.append("" if joined else draw(BLANKS))
    return text, "".join(parts)


@settings(max_examples=150, deadline=None)
@given(pair=respelled())
def test_spacing_comments_and_case_change_nothing(
    snapshot: Snapshot, pair: tuple[str, str]
) -> None:
    text, other = pair
    assert fingerprint(other) == fingerprint(text)
    assert described(parse(other, snapshot)) == described(parse(text, snapshot))


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from(TEXTS))
def test_normalized_texts_ask_the_same(snapshot: Snapshot, text: str) -> None:
    one, other = parse(text, snapshot), parse(normalize(text), snapshot)
    assert fingerprint(normalize(text)) == fingerprint(text)
    if isinstance(one, Statement) and isinstance(other, Statement):
        assert [u.relation for u in one.relations] == [u.relation for u in other.relations]
        assert [u.projected for u in one.relations] == [u.projected for u in other.relations]
        assert one.join_clauses == other.join_clauses


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_statements_never_crash(snapshot: Snapshot, data: st.DataObject) -> None:
    words = [t.text for t in tokens(data.draw(st.sampled_from(TEXTS)))]
    at = data.draw(st.integers(0, len(words)))
    noise = data.draw(st.sampled_from(["", "(", ")", "select", ",", "$1", "'", "from", "by", "["]))
    length = data.draw(st.integers(0, 3))
    damaged = " ".join([*words[:at], noise, *words[at + length :]])
    assert isinstance(parse(damaged, snapshot), Statement | Unparsed)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(snapshot: Snapshot, text: str) -> None:
    assert isinstance(parse(text, snapshot), Statement | Unparsed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("-- nothing", "empty"),
        ("<insufficient privilege>", "insufficient privilege"),
        ("VACUUM orders", "VACUUM is not a query"),
        ("DECLARE c CURSOR FOR SELECT 1", "DECLARE is not a query"),
        ("EXECUTE p(1)", "EXECUTE is not a query"),
        ("select 1; select 2", "several statements"),
        ("select 'cut off", "cut off"),
        ("select * from orders where id = $1 and (", "cut off"),
        ("select " + "(" * 3000 + "1" + ")" * 3000, "nest deeper"),
        ("select * from orders where " + "not " * 5000 + "shipped", "nests too deeply"),
        ("select * from orders where current of c", "sqlglot"),
        ("select @ id from orders", "prefix operator @"),
        ('select U&"d\\0061t" from orders', "escaped name"),
    ],
)
def test_what_is_not_read_says_why(snapshot: Snapshot, text: str, reason: str) -> None:
    parsed = parse(text, snapshot)
    assert isinstance(parsed, Unparsed)
    assert reason in parsed.reason


WIDE = {
    "or": " or ".join(f"id = {n}" for n in range(1000)),
    "in": "id in (" + ", ".join(map(str, range(3000))) + ")",
    "parameters": "id in (" + ",".join(f"${n}" for n in range(1, 3000)) + ")",
    "array": "id = any(array[" + ",".join(map(str, range(2000))) + "])",
}


@pytest.mark.parametrize("form", WIDE)
def test_long_lists_are_one_qual(snapshot: Snapshot, form: str) -> None:
    parsed = parse(f"select status from orders where {WIDE[form]}", snapshot)
    assert isinstance(parsed, Statement)
    (qual,) = parsed.relations[0].quals
    assert (qual.column, qual.kind, qual.in_or) == ("id", "in", False)


def test_a_megabyte_of_literal_is_one_constant(snapshot: Snapshot) -> None:
    parsed = parse("select id from orders where note = '" + "x''" * 350_000 + "'", snapshot)
    assert isinstance(parsed, Statement)
    assert parsed.relations[0].quals[0].operand == "constant"


def test_many_branches_each_get_the_qual(snapshot: Snapshot) -> None:
    branches = " union all ".join(["select id, status from orders"] * 40)
    parsed = parse(f"select * from ({branches}) x where status = $1", snapshot)
    assert isinstance(parsed, Statement)
    assert [len(use.quals) for use in parsed.relations] == [1] * 40


def test_names_that_double_at_each_step_are_refused(snapshot: Snapshot) -> None:
    steps = ["c0 as not materialized (select * from orders)"]
    for n in range(1, 30):
        steps.append(
            f"c{n} as not materialized (select a.* from c{n - 1} a join c{n - 1} b using (id))"
        )
    parsed = parse(f"with {', '.join(steps)} select id from c29", snapshot)
    assert isinstance(parsed, Unparsed)
    assert "unfold" in parsed.reason


def test_the_search_path_decides(snapshot: Snapshot) -> None:
    parsed = parse("select login from account where id = $1", snapshot, ("app", "public"))
    assert isinstance(parsed, Statement)
    assert str(parsed.relations[0].relation) == "app.account"
    elsewhere = parse("select login from account where id = $1", snapshot)
    assert isinstance(elsewhere, Statement)
    assert elsewhere.unresolved == ("account",)


def test_tags_and_parameters(snapshot: Snapshot) -> None:
    parsed = parse("select id from orders where id = $3 /*route='%2Forders'*/", snapshot)
    assert isinstance(parsed, Statement)
    assert parsed.tags == (("route", "/orders"),)
    assert parsed.parameters == 3
