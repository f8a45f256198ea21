"""The outermost `LIMIT $n` of a text."""

from __future__ import annotations

import pytest

from dbtune.statement.limit import with_limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM a LIMIT $1", "SELECT * FROM a LIMIT 7"),
        ("select * from a limit $2 offset $3", "select * from a limit 7 offset $3"),
        ("SELECT * FROM a OFFSET $1 LIMIT $2::bigint", "SELECT * FROM a OFFSET $1 LIMIT 7::bigint"),
        ("SELECT * FROM a FETCH FIRST $1 ROWS ONLY", "SELECT * FROM a FETCH FIRST 7 ROWS ONLY"),
        ("SELECT * FROM a FETCH NEXT $1 ROW ONLY", "SELECT * FROM a FETCH NEXT 7 ROW ONLY"),
        (
            "SELECT * FROM (SELECT 1 LIMIT $1) x ORDER BY f(y[$2]) LIMIT $3 -- LIMIT $4",
            "SELECT * FROM (SELECT 1 LIMIT $1) x ORDER BY f(y[$2]) LIMIT 7 -- LIMIT $4",
        ),
    ],
)
def test_the_outermost_limit_is_replaced(text: str, expected: str) -> None:
    assert with_limit(text, 7) == expected


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM a",
        "SELECT * FROM a LIMIT 5",
        "SELECT * FROM a WHERE id IN (SELECT id FROM b LIMIT $1)",
        "SELECT 'LIMIT $1'",
        'SELECT "limit" FROM a WHERE "limit" = $1',
        "SELECT * FROM a LIMIT ALL",
        "SELECT first FROM a WHERE x = $1",
        "SELECT * FROM a LIMIT",
    ],
)
def test_without_one_there_is_no_text(text: str) -> None:
    assert with_limit(text, 7) is None
