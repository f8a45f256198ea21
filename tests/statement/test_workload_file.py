from __future__ import annotations

from pathlib import Path

import pytest

from dbtune.errors import BadInput
from dbtune.statement.workload_file import parse_workload, read_workload

FILE = """\
-- The orders of one customer.
-- calls: 1200
-- mean_ms: 2.5
SELECT * FROM orders WHERE note = 'a;b' AND "x;y" = $1; -- trailing

;
/* a;b */ SELECT $q$;$q$ -- ; here
  , 2;
--calls:3
DELETE FROM orders WHERE id = $1"""


def test_statements_end_at_semicolons_outside_quotes_and_comments() -> None:
    first, second, third = parse_workload(FILE, "w.sql")
    assert first.text == "SELECT * FROM orders WHERE note = 'a;b' AND \"x;y\" = $1"
    assert (first.calls, first.mean_exec_ms, first.total_exec_ms) == (1200, 2.5, 3000.0)
    assert second.text.startswith("/* a;b */ SELECT $q$;$q$")
    assert second.text.endswith(", 2")
    assert (second.calls, second.source) == (1, "file")
    assert (third.text, third.calls) == ("DELETE FROM orders WHERE id = $1", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no statement"),
        ("-- only a comment\n;", "no statement"),
        ("SELECT 1;\nSELECT 'open", "w.sql:2: a string"),
        ("SELECT 1;\n\n/* open", "w.sql:3: a string, quoted name or comment"),
        ("-- calls: many\nSELECT 1", "w.sql:1: 'many'"),
        ("-- calls: 0\nSELECT 1", "w.sql:1: '0'"),
        ("-- calls: -5\nSELECT 1", "w.sql:1: '-5'"),
        ("SELECT 1;\n-- mean_ms: 1s\nSELECT 2", "w.sql:2: '1s'"),
        ("SELECT 1;\n-- calls: 5\n", "w.sql:2: no statement follows"),
    ],
)
def test_a_broken_file_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadInput, match="w") as raised:
        parse_workload(text, "w.sql")
    assert said in raised.value.what


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_workload(tmp_path / "absent.sql")
    (tmp_path / "latin.sql").write_bytes(b"SELECT '\xe9'")
    with pytest.raises(BadInput, match="UTF-8"):
        read_workload(tmp_path / "latin.sql")
    (tmp_path / "w.sql").write_text("\ufeffSELECT 1", encoding="utf-8")
    assert [s.text for s in read_workload(tmp_path / "w.sql")] == ["SELECT 1"]
