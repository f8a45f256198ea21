"""The demo's workload: the application's pages, in realistic proportions, over a few connections.

The same seed gives the same requests with the same parameters; only their timing differs.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from random import Random
from typing import Any

import psycopg
from psycopg import Connection, Cursor

from dbtune.demo import pages
from dbtune.demo.application import UNSEEN
from dbtune.demo.pages import Page, Visit, World
from dbtune.progress import Progress, Silent

CONNECTIONS = 4

MIX: dict[Page, int] = {
    pages.lead_list: 160,
    pages.leads_entered: 160,
    pages.leads_of_agent: 200,
    pages.agent_metrics: 120,
    pages.leaderboard: 300,
    pages.agent_card: 400,
    pages.monday_sync: 16,
    pages.name_search: 30,
    pages.campaign: 12,
    pages.won: 30,
    pages.lead_page: 600,
    pages.lead_work: 300,
    pages.webhook: 200,
}
"""How often each page is asked for in one round of traffic."""


ROUND_TRIP_S = 0.0004
"""Between a request's statements lies a network, as between any application and its database.
Without it, the log of a loop would look like that of one message with many statements."""


class Distant(Connection[Any]):
    """A connection to a server on another host."""

    def execute(self, *arguments: Any, **options: Any) -> Cursor[Any]:
        time.sleep(ROUND_TRIP_S)
        return super().execute(*arguments, **options)


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the page and its visit."""

    page: Page
    visit: Visit


def send_traffic(
    dsn: str, *, seed: int = 1, volume: float = 1.0, progress: Progress | None = None
) -> int:
    """Send one round of the application's requests through pooled connections.

    Args:
        dsn: the CRM's database.
        seed: equal seeds send equal requests; two rounds on one database need two seeds.
        volume: share of the usual number of requests of each kind.
        progress: told of each request done.

    Returns:
        The number of requests sent.
    """
    progress = progress or Silent()
    requests = plan_requests(read_world(dsn), seed, volume)
    progress.stage("sending the application's traffic", len(requests))
    pool: SimpleQueue[Connection[Any]] = SimpleQueue()
    connections = [
        Distant.connect(dsn, autocommit=True, application_name="crm") for _ in range(CONNECTIONS)
    ]
    try:
        for connection in connections:
            pool.put(connection)
        with ThreadPoolExecutor(CONNECTIONS) as workers:
            for _ in workers.map(lambda request: _answer(request, pool), requests):
                progress.step()
    finally:
        for connection in connections:
            connection.close()
    return len(requests)


def plan_requests(world: World, seed: int, volume: float) -> tuple[Request, ...]:
    """The requests of one round, in their order."""
    random = Random(seed)
    wanted = [page for page, count in MIX.items() for _ in range(max(1, round(count * volume)))]
    random.shuffle(wanted)
    organizations = random.choices(world.organizations, world.weights, k=len(wanted))
    return tuple(
        Request(
            page,
            Visit(
                world,
                organization,
                random.choice(world.users[organization]),
                Random(random.getrandbits(64)),
                f"{seed}-{number}",
            ),
        )
        for number, (page, organization) in enumerate(zip(wanted, organizations, strict=True))
    )


def read_world(dsn: str) -> World:
    """What exists in the CRM, read without a trace in pg_stat_statements and log."""
    with psycopg.connect(dsn, autocommit=True, options=UNSEEN) as connection:
        organizations = connection.execute(
            'SELECT "orgId", count(*) FROM "LeadFact" GROUP BY 1 ORDER BY 1'
        ).fetchall()
        users = connection.execute(
            'SELECT "orgId", array_agg("id" ORDER BY "id") FROM "User" GROUP BY 1 ORDER BY 1'
        ).fetchall()
        leads = connection.execute(
            'SELECT "id", "name" FROM "LeadFact" ORDER BY "enteredAt" DESC, "id" LIMIT 2000'
        ).fetchall()
        monday = connection.execute(
            'SELECT "orgId", "mondayUserId", "name" FROM "MondayUserCache" ORDER BY 2'
        ).fetchall()
    return World(
        organizations=tuple(o for o, _ in organizations),
        weights=tuple(n for _, n in organizations),
        users={organization: tuple(ids) for organization, ids in users},
        leads=tuple(leads),
        monday_users=tuple(monday),
    )


def _answer(request: Request, pool: SimpleQueue[Connection[Any]]) -> None:
    """Run a request in a transaction of its own, as the application's framework does."""
    connection = pool.get()
    try:
        with connection.transaction():
            pages.session(connection, request.visit)
            request.page(connection, request.visit)
    finally:
        pool.put(connection)
