"""Run the corpus: every view several times, shuffled over threads and pooled connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from threading import Barrier

import psycopg
from psycopg.conninfo import make_conninfo

from dbtune.snapshot.model import Counter, Reading, Snapshot
from tests.corpus.clinic_driver_views import asyncpg_views, psycopg_views
from tests.corpus.clinic_piccolo_views import piccolo_views
from tests.corpus.clinic_pony_views import pony_views
from tests.corpus.clinic_tortoise_views import tortoise_views
from tests.corpus.django_views import django_views
from tests.corpus.peewee_views import peewee_views
from tests.corpus.sqlalchemy_views import sqlalchemy_async_views, sqlalchemy_views
from tests.corpus.views import Views

THREADS = 4


@dataclass(frozen=True)
class Application:
    """An application of the corpus: its schema, and the client libraries that use it."""

    name: str
    clients: tuple[Callable[[str], Views], ...]

    def made_in(self, dsn: str) -> str:
        """A database of a server with the application's schema and rows in it; returns its DSN."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {self.name}".encode())
        made = make_conninfo(dsn, dbname=self.name)
        with psycopg.connect(made, autocommit=True) as connection:
            connection.execute(Path(__file__).with_name(f"{self.name}.sql").read_bytes())
        return made


LIBRARY = Application(
    "library", (django_views, sqlalchemy_views, sqlalchemy_async_views, peewee_views)
)
CLINIC = Application(
    "clinic", (tortoise_views, pony_views, piccolo_views, asyncpg_views, psycopg_views)
)


def run_rounds(clients: list[Views], *, rounds: Sequence[int], seed: int = 7) -> Iterator[int]:
    """Run all views, so many times in each round, in an order of chance; yields after each."""
    choice = Random(seed)
    views = [view for client in clients for view in client.all]
    together = Barrier(THREADS)

    def close() -> None:
        together.wait()  # so that each thread closes its own
        for client in clients:
            client.close()

    with ThreadPoolExecutor(THREADS) as pool:
        for number, repeats in enumerate(rounds):
            turns = [(view, choice.getrandbits(32)) for view in views for _ in range(repeats)]
            choice.shuffle(turns)
            for done in [pool.submit(view.run, Random(chosen)) for view, chosen in turns]:
                done.result()
            yield number
        for closed in [pool.submit(close) for _ in range(THREADS)]:
            closed.result()


def with_readings(snapshots: list[Snapshot]) -> Snapshot:
    """The last snapshot, with every snapshot's counters as readings."""
    last = snapshots[-1]
    readings = []
    for snapshot in snapshots:
        counters = {
            (s.queryid, s.role, s.toplevel): Counter(s.calls, s.rows, s.total_exec_ms)
            for s in snapshot.statements
        }
        found = tuple(counters.get((s.queryid, s.role, s.toplevel)) for s in last.statements)
        readings.append(Reading(snapshot.captured_at, found))
    return replace(last, readings=tuple(readings))
