"""Keys of several columns keep every row, whatever they refer to and however many rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbtune.collect import collect
from dbtune.synthesize.unit import Scale
from tests.synthesize.conftest import Into, ask

pytestmark = pytest.mark.pg(">= 15")

SCHEMA = """
CREATE TABLE tenant (id int PRIMARY KEY);
CREATE TABLE a (t int REFERENCES tenant, id int, PRIMARY KEY (t, id));
CREATE TABLE b (t int REFERENCES tenant, id int, PRIMARY KEY (t, id));
CREATE TABLE extension (t int, id int, PRIMARY KEY (t, id), FOREIGN KEY (t, id) REFERENCES a);
CREATE TABLE line (t int, a int, n int, PRIMARY KEY (t, a, n), FOREIGN KEY (t, a) REFERENCES a);
CREATE TABLE step (t int, a int, n int, at date, PRIMARY KEY (t, a, n, at),
  FOREIGN KEY (t, a, n) REFERENCES line);
CREATE TABLE pair (t1 int, a int, t2 int, b int, PRIMARY KEY (t1, a, t2, b),
  FOREIGN KEY (t1, a) REFERENCES a, FOREIGN KEY (t2, b) REFERENCES b);
CREATE TABLE ab (t int, a int, b int, PRIMARY KEY (t, a, b), FOREIGN KEY (t, a) REFERENCES a,
  FOREIGN KEY (t, b) REFERENCES b);
INSERT INTO tenant SELECT generate_series(1, 20);
INSERT INTO a SELECT t, n FROM generate_series(1, 20) t, generate_series(1, 600 / t) n;
INSERT INTO b SELECT t, n FROM generate_series(1, 20) t, generate_series(1, 200 / t) n;
INSERT INTO extension SELECT t, id FROM a WHERE (t + id) % 3 > 0;
INSERT INTO line SELECT t, id, n FROM a, generate_series(1, 1 + (t + id) % 3) n;
INSERT INTO step SELECT t, a, n, date '2026-01-01' + s FROM line, generate_series(1, 1 + a % 2) s;
INSERT INTO pair SELECT a.t, a.id, b.t, b.id FROM a JOIN b ON (a.id + a.t * b.id) % 97 = b.t;
INSERT INTO ab SELECT t, a.id, b.id FROM a JOIN b USING (t)
  WHERE (a.id * 31 + b.id * 7 + t) % 9 = 0;
"""


@pytest.mark.parametrize("factor", [1, 3])
def test_keys_that_hold_foreign_keys_keep_every_row(
    make_database: Callable[..., str], make_into: Into, factor: int
) -> None:
    source = collect(make_database(SCHEMA, "VACUUM ANALYZE"))
    into, made = make_into(source, scale=Scale(factor))
    assert ask(into, "SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
    told = {n.what: n.why for n in made.notes}
    for relation in source.relations:
        wanted = relation.reltuples * factor
        rows = ask(into, f"SELECT count(*) FROM {relation.name.sql}")[0][0]
        if relation.name.name != "ab":  # two references that share a column are drawn row by row
            assert rows == wanted, relation.name
            continue
        assert 0.8 * wanted < rows < wanted
        left = f"{wanted - rows:.0f} of {wanted:.0f} rows left out: the key (t, a, b)"
        assert left in told[f"rows of {relation.name}"]
    lines = "SELECT count(*) FROM line GROUP BY t, a"
    assert {count for (count,) in ask(into, lines)} == {1, 2, 3}
