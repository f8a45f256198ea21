"""An index that a session is building looks invalid, and is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from dbtune.collect import collect
from dbtune.rules.judge import judge
from dbtune.rules.load import load_rules
from dbtune.workload import Workload

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
)


@contextmanager
def build_that_waits(dsn: str) -> Iterator[None]:
    """CREATE INDEX CONCURRENTLY, held back by a transaction that wrote to the table."""

    def build() -> None:
        with psycopg.connect(dsn, autocommit=True) as builder:
            builder.execute("CREATE INDEX CONCURRENTLY sack_grain ON sack (grain)")

    with psycopg.connect(dsn) as writer, psycopg.connect(dsn, autocommit=True) as watcher:
        writer.execute("INSERT INTO sack VALUES (1, 1)")
        thread = threading.Thread(target=build)
        thread.start()
        waiting = 0
        while not waiting and thread.is_alive():
            waiting = watcher.execute(WAITING).fetchone()[0]  # type: ignore[index]
        yield
        writer.commit()
        thread.join()


def test_index_being_built_is_not_invalid(make_database: Callable[..., str]) -> None:
    dsn = make_database("CREATE TABLE sack (id int, grain int)")
    with build_that_waits(dsn):
        snapshot = collect(dsn)
        (index,) = snapshot.indexes
        assert not index.is_valid
        assert index.is_being_built
        assert judge(Workload(snapshot, ()), load_rules(), select=["invalid-index"]).findings == ()
    (index,) = collect(dsn).indexes
    assert index.is_valid
    assert not index.is_being_built
