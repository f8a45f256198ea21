"""What an index is said to take, against what it takes once built."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.pricing import Hypothetical
from dbtune.snapshot.model import Snapshot
from dbtune.twin.distinct import least_distinct
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin
from tests.conftest import TestServer
from tests.twin.conftest import new_database

LINE = QualifiedName("public", "line")

SCHEMA = """
CREATE TABLE line (
    bill int NOT NULL, place int NOT NULL, price numeric(12, 2) NOT NULL, amount numeric NOT NULL,
    code varchar(20) NOT NULL, kind char(3) NOT NULL, sold date, PRIMARY KEY (bill, place));
INSERT INTO line SELECT bill, row_number() OVER (PARTITION BY bill), (g % 90001) * 1.37, 1 + g % 50,
    repeat('x', 3 + abs(hashint4(g)) % 3), 'k' || g % 60,
    CASE WHEN g % 3 > 0 THEN date '2020-01-01' + g % 900 END
FROM (SELECT g, abs(hashint4(g + 1000000)) % 60000 AS bill FROM generate_series(1, 240000) g) drawn;
-- What ANALYZE takes for the number, where equal values stand side by side in a large table.
ALTER TABLE line ALTER bill SET (n_distinct = 9000);
VACUUM ANALYZE line;
"""

SPECS = [
    ("bill", ""),
    ("amount", ""),
    ("price", ""),
    ("bill amount", ""),
    ("bill price amount place", ""),
    ("bill", "amount"),
    ("price code", ""),
    ("code bill", ""),
    ("kind bill price", ""),
    ("sold bill place", ""),
    ("sold price", ""),
]


@pytest.fixture(scope="module")
def lines(server: TestServer) -> Iterator[tuple[str, Snapshot, Twin]]:
    for dsn in new_database(server, SCHEMA):
        snapshot = collect(dsn)
        with open_twin(snapshot) as twin:
            yield dsn, snapshot, twin


@pytest.mark.parametrize(("keys", "included"), SPECS)
def test_a_built_index_is_as_large_as_it_was_said_to_be(
    lines: tuple[str, Snapshot, Twin], keys: str, included: str
) -> None:
    dsn, _, twin = lines
    spec = IndexSpec(LINE, tuple(map(column_key, keys.split())), tuple(included.split()))
    (supposed,) = twin.suppose([spec])
    assert isinstance(supposed, Hypothetical)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(spec.ddl("built").encode())
        row = connection.execute("SELECT pg_relation_size('built')").fetchone()
        connection.execute("DROP INDEX built")
    assert row
    assert supposed.size_bytes == pytest.approx(row[0], rel=0.03)


def test_only_a_partner_in_a_unique_index_tells_how_many_values_there_are(
    lines: tuple[str, Snapshot, Twin],
) -> None:
    snapshot = lines[1]
    relation = snapshot.relation_by_name[LINE]
    assert least_distinct("bill", relation, snapshot) == pytest.approx(59_000, rel=0.05)
    assert least_distinct("place", relation, snapshot) < 1_000
    assert least_distinct("price", relation, snapshot) == 0.0
