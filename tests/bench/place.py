"""A small database to measure on: parcels without the index that they need."""

from __future__ import annotations

from dbtune.bench.parameters import Kind
from dbtune.bench.task import Run, Task

SCHEMA = (
    """
CREATE TABLE parcel (id int PRIMARY KEY, depot int, "weightKg" numeric, label text)""",
    """
INSERT INTO parcel SELECT n, n % 997, (n * 37 % 1000) / 10.0, md5(n::text)
FROM generate_series(1, 60000) n""",
    'CREATE INDEX "parcel weight" ON parcel ("weightKg")',
    "VACUUM ANALYZE",
)

BY_DEPOT = "SELECT * FROM parcel WHERE depot = $1"
BY_ID = "SELECT * FROM parcel WHERE id = $1"
MOVE = "UPDATE parcel SET depot = depot + 1 WHERE id = $1"
UP = 'CREATE INDEX parcel_depot ON parcel (depot); DROP INDEX "parcel weight"'


def task(text: str, *values: str, calls: float = 1) -> Task:
    """A task with one parameter set per value, the same on both sides."""
    groups = tuple((Run(text, (v,)),) for v in values) or ((Run(text),),)
    kinds: tuple[Kind, ...] = tuple("typical" for _ in groups)
    return Task(text, text, calls, groups, groups, kinds)
