"""Measuring on a server of our own, whose indexes can be hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from dbtune.bench.change import prepare_switch, read_change
from dbtune.bench.measure import Effort, measure
from dbtune.bench.result import rows_of, total_of
from dbtune.bench.stats import Judgement, Verdict
from dbtune.bench.switch import HiddenIndexes, Nothing, indexes_of
from dbtune.bench.task import Run, Task, not_run_because
from dbtune.errors import BadInput
from dbtune.statement.label import without_select_list
from tests.bench.place import BY_DEPOT, BY_ID, MOVE, SCHEMA, UP, task

pytestmark = pytest.mark.pg(">= 18")  # only servers of our own are switched, and those are 18

QUICK = Effort(time_limit_s=0.5)
JUDGEMENT = Judgement(resamples=500)
Session = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def dsn(make_database: Callable[..., str]) -> str:
    return make_database(*SCHEMA)


@pytest.fixture
def connection(dsn: str) -> Iterator[Session]:
    with psycopg.connect(dsn, autocommit=True) as session:
        yield session


def scans(connection: Session, text: str) -> str:
    return "\n".join(str(line) for (line,) in connection.execute(f"EXPLAIN {text}".encode()))


def test_an_index_is_measured_and_what_it_does_not_serve_is_not_faster(
    connection: Session,
) -> None:
    switch, facts = prepare_switch(connection, read_change(UP))
    tasks = (task(BY_DEPOT, "5", "700", calls=10), task(BY_ID, "7"), task(MOVE, "7"))
    measurement = measure(connection, tasks, switch, QUICK)
    rows = {row.task.text: row for row in rows_of(measurement, JUDGEMENT)}
    assert [(f.name, f.created) for f in facts] == [
        ("public.parcel_depot", True),
        ('public."parcel weight"', False),
    ]
    assert rows[BY_DEPOT].verdict is Verdict.FASTER
    assert "Index" in rows[BY_DEPOT].after.plan
    assert "Seq Scan" in rows[BY_DEPOT].before.plan
    assert rows[BY_DEPOT].after.work.shared_hit < rows[BY_DEPOT].before.work.shared_hit
    assert rows[BY_ID].verdict is not Verdict.FASTER
    assert not rows[BY_ID].plan_changed
    total = total_of(tuple(rows.values()), JUDGEMENT)
    assert total is not None
    assert total.high < 1


def test_writes_leave_no_trace(connection: Session) -> None:
    count = "SELECT count(*), sum(depot), max(id) FROM parcel"
    before = connection.execute(count.encode()).fetchone()
    tasks = (
        task(MOVE, "7", "8"),
        task("DELETE FROM parcel WHERE id < $1", "100"),
        task("INSERT INTO parcel VALUES ($1, 1, 1, 'new')", "900000"),
        task("WITH gone AS (DELETE FROM parcel WHERE id = $1 RETURNING 1) TABLE gone", "5"),
    )
    measurement = measure(connection, tasks, Nothing(), QUICK)
    assert len(measurement.measured) == 4
    assert connection.execute(count.encode()).fetchone() == before


def test_a_hidden_index_does_not_exist_for_plans_and_writes(connection: Session) -> None:
    switch, _ = prepare_switch(connection, read_change("CREATE INDEX d ON parcel (depot)"))
    query = "SELECT * FROM parcel WHERE depot = 5"
    update = "EXPLAIN (ANALYZE, WAL, FORMAT JSON) UPDATE parcel SET depot = 3 WHERE id = 9"
    plans, records = {}, {}
    for state in ("before", "after", "before", "after"):
        switch.enter(connection, state)
        plans[state] = scans(connection, query)
        with connection.transaction(force_rollback=True):
            found = connection.execute(update.encode()).fetchone()
        assert found is not None
        records[state] = found[0][0]["Plan"].get("WAL Records", 0)  # type: ignore[index]
    assert "Seq Scan" in plans["before"]
    assert " d " in plans["after"]
    assert records["before"] < records["after"], "an index that is hidden is not maintained"
    switch.enter(connection, "after")
    connection.execute("UPDATE parcel SET depot = 3 WHERE id = 9")
    connection.execute("SET enable_seqscan = off")
    row = connection.execute("SELECT count(*) FROM parcel WHERE depot = 3 AND id = 9").fetchone()
    assert row == (1,)


def test_statements_that_fail_are_told_and_the_others_measured(connection: Session) -> None:
    tasks = (
        task("SELECT 1 / ($1::int - 1)", "1"),
        task("SELECT * FROM absent WHERE id = $1", "1"),
        task(BY_ID, "7"),
    )
    measurement = measure(connection, tasks, Nothing(), QUICK)
    assert [m.task.text for m in measurement.measured] == [BY_ID]
    assert [n.reason for n in measurement.not_measured] == [
        "division by zero",
        'relation "absent" does not exist',
    ]
    assert not measurement.stopped


def test_a_runaway_statement_is_cancelled(connection: Session) -> None:
    effort = Effort(time_limit_s=0.5, statement_timeout_s=0.05)
    tasks = (task("SELECT count(*) FROM parcel a, parcel b, parcel c"), task(BY_ID, "7"))
    measurement = measure(connection, tasks, Nothing(), effort)
    assert [n.reason for n in measurement.not_measured] == [
        "canceling statement due to statement timeout"
    ]
    assert len(measurement.measured) == 1


class Killer:
    """Progress that ends a session when the fifth round is done."""

    def __init__(self, dsn: str, pid: object) -> None:
        self.dsn, self.pid = dsn, pid
        self.steps_left = -1

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        self.steps_left = 5 if name == "measuring" else -1

    def step(self, count: int = 1) -> None:
        self.steps_left -= count
        if self.steps_left == 0:
            with psycopg.connect(self.dsn) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (self.pid,))


def test_a_lost_session_ends_with_what_was_measured(dsn: str, connection: Session) -> None:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    killer = Killer(dsn, row[0])
    measurement = measure(connection, (task(BY_ID, "7"),), Nothing(), QUICK, killer)
    assert "terminat" in measurement.stopped
    assert [len(m.timings.before) for m in measurement.measured] == [5]


def test_a_rewrite_is_measured_without_a_switch(connection: Session) -> None:
    values = [str(n) for n in range(1, 41)]
    one_by_one = tuple(Run(BY_ID, (v,)) for v in values)
    batch = (Run("SELECT * FROM parcel WHERE id = ANY($1)", ("{" + ",".join(values) + "}",)),)
    rewrite = Task("r", "40 parcels", 1, (one_by_one,), (batch,), ("typical",))
    rows = rows_of(measure(connection, (rewrite,), Nothing(), QUICK), JUDGEMENT)
    assert rows[0].verdict is Verdict.FASTER


def test_a_change_that_the_server_refuses_is_told(connection: Session) -> None:
    with pytest.raises(BadInput, match="absent"):
        prepare_switch(connection, read_change("CREATE INDEX ON parcel (absent)"))


def test_no_change_is_no_switch(connection: Session) -> None:
    before = indexes_of(connection)
    HiddenIndexes(()).enter(connection, "before")
    assert indexes_of(connection) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", True),
        ("  -- why\n/* tag */ with x as (select 1) table x", True),
        ("merge into a using b on true when matched then do nothing", True),
        ("BEGIN", False),
        ("VACUUM parcel", False),
        ("CREATE TABLE x ()", False),
        ("selection", False),
        ("SELECT pg_sleep($1)", False),
        ("select PG_ADVISORY_LOCK ($1)", False),
        ("SELECT pg_advisory_xact_lock($1)", True),
        ("SELECT set_config($1, $2, $3)", False),
        ("", False),
    ],
)
def test_what_may_be_run_again(text: str, expected: bool) -> None:
    assert (not_run_because(text) == "") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT a FROM t", "SELECT a FROM t"),
        (f"SELECT {'a, ' * 20} b FROM t WHERE x = $1", "SELECT … FROM t WHERE x = $1"),
        (f"/* t */ select (select 1 from {'u' * 40}), 2 from t", "/* t */ select … from t"),
        ("INSERT INTO t (a, b) SELECT 1, 2 FROM u", "INSERT INTO t (a, b) SELECT 1, 2 FROM u"),
        ("", ""),
    ],
)
def test_labels_tell_statements_apart(text: str, expected: str) -> None:
    assert without_select_list(text) == expected
